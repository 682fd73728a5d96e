/** Asks a receiver what became of deliveries. */
import { setTimeout as sleep } from 'node:timers/promises';

export type DeliveryAnswer = Record<string, unknown> & { state: string };

/** The answer of `/admin/api/deliveries/<source>/<id>`, or `undefined` for 404. */
export async function lookUp(
  address: string,
  source: string,
  id: string,
): Promise<DeliveryAnswer | undefined> {
  const response = await fetch(`${address}/admin/api/deliveries/${source}/${encodeURIComponent(id)}`);
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`looking up ${id} was answered ${response.status}`);
  return (await response.json()) as DeliveryAnswer;
}

/** Waits until a condition holds. @throws after the limit, saying what was waited for */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limit = 60_000,
): Promise<void> {
  const end = Date.now() + limit;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited ${limit} ms in vain: ${what}`);
    await sleep(25);
  }
}

/** Waits until a delivery has ended (or is in the state asked for). */
export async function untilState(
  address: string,
  source: string,
  id: string,
  state?: string,
): Promise<DeliveryAnswer> {
  let last: DeliveryAnswer | undefined;
  await until(`${source} ${id} to be ${state ?? 'ended'}`, async () => {
    last = await lookUp(address, source, id);
    return state ? last?.state === state : last?.state === 'completed' || last?.state === 'failed';
  });
  return last as DeliveryAnswer;
}
