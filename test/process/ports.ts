/** Several processes of a Hookline on one port, looked at from outside. */
import { readdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { Test } from 'tap';
import { post, type Answer, type SignedRequest } from '../../senders/sender.js';
import type { HooklineProcess } from '../support/process.js';
import { exitWithin } from './support.js';

/** A connection of its own, kept open until the test ends. */
export interface Lane {
  send(request: SignedRequest): Promise<Answer>;
  get(path: string): Promise<string>;
  close(): void;
}

export function openLane(t: Test, address: string): Lane {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  return {
    send: (request) => post(address, request, { timeoutMs: 60_000, agent }),
    async get(path) {
      const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
        http.get(new URL(path, address), { agent }, resolve).once('error', reject);
      });
      return text(response);
    },
    close: () => agent.destroy(),
  };
}

/** Ends all processes in order: a parent that is killed leaves the others to end by themselves, a while later. */
export async function end({ child, exited }: HooklineProcess): Promise<number | string> {
  child.kill('SIGTERM');
  return exitWithin(exited);
}

/** Process ids by name, as the log has them when all are up. */
export function pidsOf({ lines }: HooklineProcess): Record<string, number> {
  return lines.find(({ msg }) => msg === 'hookline is up')?.['processes'] as Record<string, number>;
}

/** One counter of Petstore's by outcome and, inside, by process, from a scrape. */
export function deliveriesIn(scrape: string): Record<string, Record<string, number>> {
  const found: Record<string, Record<string, number>> = {};
  const series =
    /^hookline_deliveries_total\{source="petstore",outcome="(\w+)",process="([\w-]+)"\} (\d+)$/gm;
  for (const [, outcome = '', process = '', count] of scrape.matchAll(series))
    (found[outcome] ??= {})[process] = Number(count);
  return found;
}

export function sum(counts: Record<string, number> = {}): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** Does a process run? One that has ended and that nobody has asked about yet does not. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Files of deliveries in the spool below a data folder, by slot. */
export function spoolFiles(dataDir: string): Record<string, number> {
  const root = path.join(dataDir, 'spool');
  return Object.fromEntries(
    readdirSync(root).map((slot) => [
      slot,
      readdirSync(path.join(root, slot)).filter((name) => name.endsWith('.spool')).length,
    ]),
  );
}
