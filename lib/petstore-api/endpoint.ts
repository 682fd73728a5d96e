/** An endpoint that is registered with Petstore. Its secret is sent once and never read back. */
export interface Endpoint {
  id: string;
  url: string;
  events: string[];
  /** `active` is the only one under which events are sent; `unknown` where the answer does not tell. */
  status: string;
  /** As the provider writes it, where it does. */
  createdAt: string | null;
}

type Json = Record<string, unknown>;

/**
 * An endpoint in any of the shapes that are known or likely (docs/providers/petstore.md says which): bare or under
 * `data` or `webhook`; `id` or `webhookId`; `status` as text or `enabled`, `active` as a boolean.
 * @returns `undefined` when it is none
 */
export function readEndpoint(answer: unknown): Endpoint | undefined {
  const value = unwrap(answer, ['data', 'webhook']);
  if (!isObject(value)) return undefined;
  const id = first(value, ['id', 'webhookId', 'webhook_id']);
  const url = first(value, ['url', 'endpointUrl', 'endpoint']);
  if ((typeof id !== 'string' && typeof id !== 'number') || typeof url !== 'string') return undefined;
  const events = first(value, ['events', 'eventTypes', 'event_types']);
  const createdAt = first(value, ['createdAt', 'created_at']);
  return {
    id: String(id),
    url,
    events: Array.isArray(events) ? events.filter((event) => typeof event === 'string') : [],
    status: readStatus(value),
    createdAt: typeof createdAt === 'string' ? createdAt : null,
  };
}

/** A page of endpoints, and the address of the next one where the answer links to it; `undefined` when it is none. */
export function readEndpoints(
  answer: unknown,
): { endpoints: Endpoint[]; next: string | undefined } | undefined {
  const list = unwrap(answer, ['data', 'webhooks', 'items']);
  if (!Array.isArray(list)) return undefined;
  const links = isObject(answer) ? answer['links'] : undefined;
  const next = isObject(links) ? links['next'] : undefined;
  return {
    endpoints: list.map(readEndpoint).filter((endpoint) => endpoint !== undefined),
    next: typeof next === 'string' && next !== '' ? next : undefined,
  };
}

function readStatus(value: Json): string {
  const status = first(value, ['status', 'state']);
  if (typeof status === 'string') return status.toLowerCase();
  const enabled = first(value, ['enabled', 'active', 'isActive', 'is_active']);
  if (typeof enabled === 'boolean') return enabled ? 'active' : 'disabled';
  return 'unknown';
}

function unwrap(answer: unknown, names: string[]): unknown {
  if (!isObject(answer)) return answer;
  return first(answer, names) ?? answer;
}

function first(value: Json, names: string[]): unknown {
  return names.map((name) => value[name]).find((found) => found !== undefined && found !== null);
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
