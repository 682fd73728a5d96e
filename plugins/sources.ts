/** The providers that the settings enable, ready to authenticate. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Metrics } from '../lib/metrics.js';
import type { Settings } from '../lib/settings/settings.js';
import type { Source, SourceDefinition, SourceDeps } from '../lib/source.js';

declare module 'fastify' {
  interface FastifyInstance {
    sources: ReadonlyMap<string, Source>;
    /** Gives the sources their secrets of these settings. Answers which took them. */
    updateSources(settings: Settings): string[];
  }
}

export interface SourcesOptions {
  definitions: SourceDefinition[];
  settings: Settings;
  metrics: Metrics;
}

async function sources(fastify: FastifyInstance, { definitions, settings, metrics }: SourcesOptions) {
  const enabled = new Map<string, Source>();
  for (const definition of definitions) {
    const own = settings.sources[definition.name] ?? {};
    if (!definition.enabled(own)) continue;
    const { name } = definition;
    metrics.openSource(name);
    const deps: SourceDeps = {
      log: fastify.log.child({ source: name }),
      onFetch: (outcome) => metrics.keyFetch(name, outcome),
    };
    enabled.set(name, definition.create(own, deps));
  }
  fastify.decorate('sources', enabled);
  fastify.decorate('updateSources', ({ sources }) => {
    const updatable = [...enabled].filter(([name, source]) => source.update && sources[name]);
    for (const [name, source] of updatable) source.update?.(sources[name]);
    return updatable.map(([name]) => name);
  });
  if (enabled.size === 0) {
    fastify.log.warn(
      {},
      'no source is enabled, so every delivery gets 404: set the variables of at least one',
    );
  }
  fastify.addHook('onClose', async () => {
    for (const source of enabled.values()) await source.close?.();
  });
  await Promise.all([...enabled].map(([name, source]) => warmUp(fastify, name, source)));
}

async function warmUp(fastify: FastifyInstance, name: string, source: Source): Promise<void> {
  try {
    await source.warmUp?.();
  } catch (error) {
    fastify.log.warn({ source: name, reason: (error as Error).message }, 'keys could not be fetched yet');
  }
}

export default fp(sources, { name: 'sources', fastify: '5.x' });
