/** The state of endpoints for node_exporter's textfile collector, as only the provider's own API tells it. */
import { rename, writeFile } from 'node:fs/promises';
import { Gauge, Registry } from 'prom-client';
import { CommandError } from '../command.js';

/** What is watched, and how it is: `missing` where it is not registered (any more). */
export interface Watched {
  id: string | null;
  url: string | null;
  status: string;
}

/**
 * Writes the file whole or not at all: the collector may read it at any time. It takes files named `*.prom` only.
 * @throws {CommandError} when it cannot be written
 */
export async function writeTextfile(file: string, watched: Watched[]): Promise<void> {
  const half = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(half, await describe(watched), { mode: 0o644 });
    await rename(half, file);
  } catch (error) {
    throw new CommandError(`--textfile: ${(error as Error).message}`);
  }
}

async function describe(watched: Watched[]): Promise<string> {
  const registry = new Registry();
  const active = new Gauge({
    name: 'hookline_endpoint_active',
    help: 'Whether the provider sends to the endpoint (1) or not (0), when it was last asked.',
    labelNames: ['source', 'endpoint', 'status'] as const,
    registers: [registry],
  });
  const asked = new Gauge({
    name: 'hookline_endpoints_asked_timestamp_seconds',
    help: 'When the provider was last asked.',
    labelNames: ['source'] as const,
    registers: [registry],
  });
  for (const { id, url, status } of watched)
    active.set({ source: 'petstore', endpoint: id ?? url ?? 'any', status }, Number(status === 'active'));
  asked.set({ source: 'petstore' }, Math.floor(Date.now() / 1_000));
  return registry.metrics();
}
