/** Figures and times as people say them. */

const SHORT = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const TIME = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'medium',
});

export const count = (value: number): string => SHORT.format(value);

/** `1 event`, `2 events`. */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** Seconds → `3.4 ms`, `12 s`, `4 min`, `3.5 h`, `2 days`. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${SHORT.format(seconds * 1_000)} ms`;
  if (seconds < 120) return `${SHORT.format(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${SHORT.format(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export function bytes(value: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), units.length - 1);
  return `${SHORT.format(value / 1_000 ** power)} ${units[power]}`;
}

/** A time on this machine's clock; a text that is no time as it stands. */
export function time(iso: string): string {
  const at = Date.parse(iso);
  return Number.isNaN(at) ? iso : TIME.format(at);
}

/** `12 s ago`; clocks differ, so never less than nothing. */
export function ago(iso: string, now = Date.now()): string {
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1_000);
  if (Number.isNaN(seconds)) return iso;
  return seconds < 1 ? 'just now' : `${duration(Math.round(seconds))} ago`;
}

const STATES: Record<string, string> = {
  waiting: 'waiting',
  active: 'in hand',
  delayed: 'will be tried again',
  completed: 'handled',
  failed: 'failed',
  quarantined: 'quarantined',
  'dead-letter': 'dead letter',
  discarded: 'discarded',
};

/** BullMQ's and our names of states in words. */
export const stateWords = (state: string): string => STATES[state] ?? state;
