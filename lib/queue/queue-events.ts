/**
 * What the event stream of a queue tells: of what is done with an event, or also of its acceptance (`added`, `waiting`,
 * `deduplicated`), for those who listen with BullMQ's `QueueEvents`.
 */
export const QUEUE_EVENTS = ['handling', 'all'] as const;
export type QueueEvents = (typeof QUEUE_EVENTS)[number];
