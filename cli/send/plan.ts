/** The command line of `hookline send`, checked. */
import { readFile } from 'node:fs/promises';
import type { RequestOptions, Tamper } from '../../senders/sender.js';
import { CommandError } from '../command.js';
import { timeoutOf } from '../endpoints/url.js';
import { readCount, readNumber, readReceiver, readShare } from './options.js';
import type { SenderCommandOptions } from './sender-command.js';

/** As commander hands them over. */
export interface SendOptions extends SenderCommandOptions {
  count: string;
  rate?: string;
  concurrency: string;
  duplicates: string;
  tamper?: string;
  data?: string;
  id?: string;
  subTopic?: string;
  tenant?: string;
  timeout: string;
}

const TAMPERS: readonly string[] = ['body', 'signature', 'token'] satisfies Tamper[];
export type Plan = Awaited<ReturnType<typeof readPlan>>;

/** @param port of the receiver on this machine, where no other is named. @throws {CommandError} */
export async function readPlan(options: SendOptions, port: number) {
  const { tamper, data, id, subTopic, tenant } = options;
  if (tamper !== undefined && !TAMPERS.includes(tamper)) {
    throw new CommandError(`--tamper wants one of ${TAMPERS.join(', ')}; given: ${tamper}`);
  }
  const count = readCount('count', options.count, { min: 1, max: 10_000_000 });
  if (id !== undefined && count > 1) throw new CommandError('--id is for one delivery: leave out --count.');
  const request: RequestOptions = {
    ...(tamper !== undefined && { tamper: tamper as Tamper }),
    ...(data !== undefined && { data: await readData(data) }),
    ...(id !== undefined && { id }),
    ...(subTopic !== undefined && { subTopic }),
    ...(tenant !== undefined && { tenantId: tenant }),
  };
  return {
    url: readReceiver(options.url ?? `http://127.0.0.1:${port}`),
    count,
    duplicates: readShare('duplicates', options.duplicates),
    perSecond: options.rate === undefined ? undefined : readNumber('rate', options.rate, 1_000_000),
    concurrency: readCount('concurrency', options.concurrency, { min: 1, max: 10_000 }),
    timeoutMs: timeoutOf(options),
    tamper,
    hasData: data !== undefined,
    request,
  };
}

async function readData(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch (error) {
    throw new CommandError(`--data: ${file} cannot be read as JSON (${(error as Error).message}).`);
  }
}
