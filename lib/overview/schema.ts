/** What `GET /admin/api/overview` answers. Types are derived from the schemas. */
import { z } from 'zod';

const when = z.string().nullable();
const outcomes = {
  accepted: z.number(),
  duplicate: z.number(),
  spooled: z.number(),
  refused: z.number(),
  unavailable: z.number(),
  /** Seconds within which half of the answers were given, and 99 of 100: bounds of the metric's buckets. */
  p50: z.number().nullable(),
  p99: z.number().nullable(),
};

export const minuteSchema = z.object({ at: z.string(), ...outcomes });
export type MinuteFigures = z.output<typeof minuteSchema>;

export const hourSchema = z.object({ ...outcomes, refusals: z.record(z.string(), z.number()) });
export type HourFigures = z.output<typeof hourSchema>;

/** One thing on which the understanding with a provider rests: its keys, a subscription. */
export const trustSchema = z.object({
  what: z.string(),
  state: z.enum(['ok', 'pending', 'failed', 'unknown']),
  at: when,
  detail: z.string(),
});
export type Trust = z.output<typeof trustSchema>;

export const sourceSchema = z.object({
  source: z.string(),
  enabled: z.boolean(),
  lastDeliveryAt: when,
  /** How long the provider waits for an answer. */
  deadlineSeconds: z.number(),
  trust: z.array(trustSchema),
  depths: z.object({
    waiting: z.number(),
    active: z.number(),
    delayed: z.number(),
    completed: z.number(),
    failed: z.number(),
  }),
  oldestWaitingSeconds: z.number(),
  /** The last hour over all receivers, oldest first; the last one is under way. */
  minutes: z.array(minuteSchema),
  hour: hourSchema,
});
export type SourceOverview = z.output<typeof sourceSchema>;

export const overviewSchema = z.object({
  at: z.string(),
  /** Of the receiver that answers, and of all processes on its port. */
  spool: z
    .object({ state: z.string(), events: z.number(), bytes: z.number(), oldestSeconds: z.number() })
    .nullable(),
  readOnly: z.boolean(),
  sources: z.array(sourceSchema),
});
export type Overview = z.output<typeof overviewSchema>;
