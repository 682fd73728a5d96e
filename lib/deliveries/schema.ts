/** What goes in and out at the boundaries: HTTP, the command line and Redis. Types are derived from the schemas. */
import { z } from 'zod';
import { parseDuration } from '../settings/units.js';
import { parseTimestamp } from '../time.js';

/** BullMQ's states. */
export const STATES = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;
export type State = (typeof STATES)[number];

/** What a failed delivery is: never understood, or given up after its attempts. */
export const FAILURES = ['quarantined', 'dead-letter'] as const;
export type Failure = (typeof FAILURES)[number];

const TIME = 'expected a time such as 2026-01-31T08:00:00Z, or how long ago, such as 2h or 3d';

/** `2026-01-31T08:00Z`, or `2h` for two hours ago → milliseconds since 1970. */
const time = z
  .string()
  .meta({ description: TIME.replace('expected ', '') })
  .transform((text, context): number => {
    const ago = parseDuration(text);
    const at = /^\d+$/.test(text) || ago === undefined ? parseTimestamp(text) : Date.now() - ago;
    if (at !== null) return at;
    context.addIssue({ code: 'custom', message: TIME });
    return z.NEVER;
  });

const text = z.string().min(1).max(1_000);

/** Which deliveries: everything that is given must hold. */
export const filterSchema = z.strictObject({
  source: text.optional(),
  id: text.optional(),
  /** `*` stands for any run of characters, as in a handler. */
  topic: text.optional(),
  tenant: text.optional(),
  state: z.enum([...STATES, ...FAILURES]).optional(),
  /** Part of the reason of a failure; upper and lower case are one. */
  reason: text.optional(),
  /** When it ended; when it was received, for what has not ended. */
  since: time.optional(),
  until: time.optional(),
});
export type Filter = z.output<typeof filterSchema>;

const MAX_PAGE = 200;
const PAGE = `expected a whole number from 1 to ${MAX_PAGE}`;

/** How a page is asked for. */
export const pageSchema = z.strictObject({
  limit: z.coerce.number(PAGE).int(PAGE).min(1, PAGE).max(MAX_PAGE, PAGE).default(50),
  cursor: z.string().max(1_000).optional(),
});

export const searchSchema = filterSchema.extend(pageSchema.shape);
export type SearchQuery = z.output<typeof searchSchema>;

const when = z.string().nullable();

/** One line of a list. Times are ISO 8601. */
export const summarySchema = z.object({
  source: z.string(),
  id: z.string(),
  jobId: z.string(),
  state: z.string(),
  /** Set for what has failed. */
  failure: z.enum(FAILURES).nullable(),
  topic: z.string().nullable(),
  subTopic: z.string().nullable(),
  tenantId: z.string().nullable(),
  triggeredAt: when,
  receivedAt: when,
  startedAt: when,
  finishedAt: when,
  attemptsMade: z.number(),
  failedReason: z.string().nullable(),
  firstFailedAt: when,
  lastFailedAt: when,
  /** The file of the handler that had it last. */
  handler: z.string().nullable(),
  replayCount: z.number(),
});
export type DeliverySummary = z.output<typeof summarySchema>;

/** Something that happened to a delivery; what else is known of it depends on `event`. */
export const happeningSchema = z.looseObject({ at: z.string(), event: z.string() });
export type Happening = z.output<typeof happeningSchema>;

export const stepSchema = z.object({
  name: z.string(),
  at: when,
  attempt: z.number().nullable(),
  /** Credentials masked. */
  value: z.unknown().optional(),
});
export type Step = z.output<typeof stepSchema>;

/** All that is known of one delivery. */
export const deliverySchema = summarySchema.extend({
  /** The job is gone: only the id is remembered. */
  trimmed: z.boolean(),
  /** An operator removed it and kept its id. */
  discarded: z.boolean(),
  stack: z.string().nullable(),
  history: z.array(happeningSchema),
  steps: z.array(stepSchema),
  replays: z.array(z.object({ at: z.string(), by: z.string(), filter: z.string().nullable() })),
});
export type DeliveryState = z.output<typeof deliverySchema>;

/** What a delivery says; `note` tells why there is no payload. */
export const contentSchema = z.object({
  headers: z.record(z.string(), z.string()).nullable(),
  payload: z.unknown(),
  note: z.string().nullable(),
});
export type DeliveryContent = z.output<typeof contentSchema>;

export const searchPageSchema = z.object({
  deliveries: z.array(summarySchema),
  /** How many were looked at for this page. */
  lookedAt: z.number(),
  /** Hand it in to go on; `null` when nothing is left. */
  cursor: z.string().nullable(),
});
export type SearchPage = z.output<typeof searchPageSchema>;

export const ACTIONS = ['replay', 'discard'] as const;
export type Action = (typeof ACTIONS)[number];

/** What bulk work is done to: what has ended, failures unless it says otherwise. */
const bulkStates = z.enum(['failed', 'completed', ...FAILURES]);

export const bulkFilterSchema = filterSchema.omit({ id: true }).extend({ state: bulkStates.optional() });

/** A filter as it is kept with a session: times are absolute. */
export const storedFilterSchema = filterSchema.extend({
  since: z.number().optional(),
  until: z.number().optional(),
});

const RATE = 'expected a rate such as 200/s or 50/m, from 1/m to 10000/s';

/** `200/s`, `50/m` or `200` → jobs per second. */
export const rateSchema = z.string().transform((text, context): number => {
  const match = /^(\d{1,6})(?:\/(s|m))?$/.exec(text.trim());
  const rate = Number(match?.[1]) / (match?.[2] === 'm' ? 60 : 1);
  if (match && rate > 0 && rate <= 10_000) return rate;
  context.addIssue({ code: 'custom', message: RATE });
  return z.NEVER;
});

export const SESSION_STATUSES = ['running', 'stopped', 'done'] as const;

/** One replay or discard, of one delivery or of many: who asked for what, and how far it has come. */
export const sessionSchema = z.object({
  id: z.string(),
  action: z.enum(ACTIONS),
  status: z.enum(SESSION_STATUSES),
  /** It says that it runs, and has not been heard of for a while: its process died. Resume it. */
  interrupted: z.boolean(),
  by: z.string(),
  filter: storedFilterSchema,
  /** Jobs per second. */
  rate: z.number(),
  /** How many matched at its start; `null` when they were too many to count. */
  total: z.number().nullable(),
  done: z.number(),
  /** Had changed, or been replayed by this session before. */
  skipped: z.number(),
  startedAt: z.string(),
  updatedAt: z.string(),
});
export type SessionReport = z.output<typeof sessionSchema>;

/** For those who let a session run in the receiver, which has deliveries to answer meanwhile. */
export const MAX_SERVER_RATE = 1_000;

const flag = z.boolean().default(false);

/** What a replay or discard of one delivery is asked with. */
export const oneRequestSchema = z.preprocess(
  (body) => body ?? {},
  z.strictObject({ force: flag, keepId: flag }),
);
export type OneRequest = z.output<typeof oneRequestSchema>;

/** What a replay or discard of many is asked with. */
export const bulkRequestSchema = z.strictObject({
  filter: bulkFilterSchema,
  rate: rateSchema
    .refine((rate) => rate <= MAX_SERVER_RATE, `expected ${MAX_SERVER_RATE}/s at most`)
    .prefault('100/s'),
  force: flag,
  keepId: flag,
  dryRun: flag,
});
export type BulkRequest = z.output<typeof bulkRequestSchema>;

export const previewSchema = z.object({
  /** `null` when they were too many to count. */
  total: z.number().nullable(),
  first: z.array(summarySchema),
});
