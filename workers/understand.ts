import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Delivery, QuarantineCause, WebhookEvent } from '../lib/event.js';
import { HandlersError } from '../lib/handler.js';
import type { SourceDefinition } from '../lib/source.js';
import { parseTimestamp } from '../lib/time.js';
import { QuarantineError } from './outcomes.js';
import type { HandlerRegistry, RegisteredHandler } from './registry.js';

const WHAT_TO_DO: Record<QuarantineCause, string> = {
  'no-id':
    'The delivery has no webhook id, so a hash of its body stands in for it and a repeated event could not be told from a new one. Ask the provider why; replay it to have it handled all the same.',
  'no-topic':
    'The delivery names no topic, so no handler can be chosen. Ask the provider why it sends events without one.',
  'bad-topic':
    'The topic is longer than 200 characters or holds control characters, so it is not used. Ask the provider; the body is kept here.',
  'bad-name':
    'The sub-topic or the tenant is longer than 200 characters or holds control characters, so it is not used, and the event might go to the wrong handler without it. Ask the provider; the headers are kept here.',
  'not-json':
    'The body is not valid JSON, so neither its id nor its topic can be read. It is kept here as it came; ask the provider to send it again.',
  compressed:
    'The body is compressed (Content-Encoding), and nothing is decompressed here. Ask the provider to send it as it is; the body is kept here in base64.',
  'not-text': 'The body is not UTF-8 text. Ask the provider; the body is kept here in base64.',
};

/** What is needed to run a handler on a delivery. */
export interface Understood {
  registered: RegisteredHandler;
  event: WebhookEvent;
}

/** Turns queued deliveries into events for handlers, or says why that cannot be done. */
export class Understanding {
  readonly #registry: HandlerRegistry;
  readonly #definitions: Map<string, SourceDefinition>;
  readonly #validators = new Map<RegisteredHandler['handler'], ValidateFunction>();

  /** @throws {HandlersError} when a handler's JSON Schema is not one; names the file. */
  constructor(registry: HandlerRegistry, definitions: SourceDefinition[]) {
    this.#registry = registry;
    this.#definitions = new Map(definitions.map((definition) => [definition.name, definition]));
    for (const { handler, file } of registry.list()) {
      if (handler.schema !== undefined) this.#validators.set(handler, compile(handler.schema, file));
    }
  }

  /**
   * @param released an operator has asked for this event to be handled although its sender gave no id
   * @throws {QuarantineError}
   */
  understand(delivery: Delivery, released: boolean): Understood {
    const { quarantine, topic, source } = delivery;
    if (quarantine && !(quarantine === 'no-id' && released))
      throw new QuarantineError(WHAT_TO_DO[quarantine]);
    if (topic === null) throw new QuarantineError(WHAT_TO_DO['no-topic']);
    const registered = this.#registry.match(source, { ...delivery, topic });
    if (!registered) throw new QuarantineError(noHandler(delivery));
    const event = this.#toEvent(delivery, topic);
    this.#validate(registered, event.payload);
    return { registered, event };
  }

  #toEvent(delivery: Delivery, topic: string): WebhookEvent {
    const { id, source, subTopic, tenantId, triggeredAt, receivedAt, rawBody, headers, replay } = delivery;
    return {
      id,
      source,
      topic,
      subTopic,
      tenantId,
      triggeredAt,
      triggeredAtMs: triggeredAt === null ? null : parseTimestamp(triggeredAt),
      receivedAt,
      payload: this.#payload(source, rawBody),
      rawBody,
      headers,
      replay,
    };
  }

  #payload(source: string, rawBody: string): unknown {
    const definition = this.#definitions.get(source);
    try {
      return definition?.payload ? definition.payload(rawBody) : JSON.parse(rawBody);
    } catch (error) {
      throw new QuarantineError(
        `The body is not valid JSON (${(error as Error).message.slice(0, 200)}). It is kept here as it came; ask the provider to send it again.`,
      );
    }
  }

  #validate({ handler, file }: RegisteredHandler, payload: unknown): void {
    const validate = this.#validators.get(handler);
    if (!validate || validate(payload)) return;
    const problems = (validate.errors ?? []).map(
      ({ instancePath, message }) => `${instancePath || 'payload'} ${message ?? 'is wrong'}`,
    );
    throw new QuarantineError(
      `The payload does not fit the schema of ${file}: ${problems.join('; ')}. Correct the schema or ask the provider, then replay the delivery.`,
    );
  }
}

function noHandler({ source, topic, subTopic, tenantId }: Delivery): string {
  return (
    `No handler takes topic ${topic} of ${source} (subTopic ${subTopic ?? 'none'}, tenantId ${tenantId ?? 'none'}). ` +
    `Add a handler module to HANDLERS_DIR, or one with topic '*', then replay the delivery.`
  );
}

function compile(schema: Record<string, unknown> | boolean, file: string): ValidateFunction {
  const dialect = typeof schema === 'object' && String(schema['$schema']).includes('2020-12') ? Ajv2020 : Ajv;
  const ajv = new dialect({ strict: false, allowUnionTypes: true });
  addFormats.default(ajv);
  try {
    return ajv.compile(schema);
  } catch (error) {
    throw new HandlersError(`The schema of ${file} is not a JSON Schema: ${(error as Error).message}`);
  }
}
