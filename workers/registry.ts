import { HandlersError, type Handler } from '../lib/handler.js';
import type { SourceDefinition } from '../lib/source.js';
import { compareSpecificity, matchesPattern, overlap, type Selector } from './specificity.js';

/** A handler and the file it came from. */
export interface RegisteredHandler {
  handler: Handler;
  file: string;
}

interface Entry extends RegisteredHandler {
  selector: Selector;
}

type TopicAliases = Record<string, string>;

/** All handlers of a process, asked once per event for the most specific one. */
export class HandlerRegistry {
  readonly #bySource = new Map<string, Entry[]>();
  readonly #aliases = new Map<string, TopicAliases>();

  /**
   * @throws {HandlersError} when two equally specific handlers could take the same event (names both files), or when
   *   a handler is for a source that there is not
   */
  constructor(handlers: RegisteredHandler[], definitions: SourceDefinition[]) {
    for (const { name, topicAliases } of definitions) this.#aliases.set(name, topicAliases ?? {});
    for (const registered of handlers) {
      const { source } = registered.handler;
      if (!this.#aliases.has(source)) throw unknownSource(registered, [...this.#aliases.keys()]);
      const entries = this.#bySource.get(source) ?? [];
      this.#bySource.set(source, entries);
      entries.push({ ...registered, selector: this.#selectorOf(registered.handler) });
    }
    for (const entries of this.#bySource.values()) {
      entries.sort((a, b) => compareSpecificity(a.selector, b.selector));
      refuseTies(entries);
    }
  }

  /** The most specific handler for an event, or `undefined` when none takes it. */
  match(source: string, event: { topic: string; subTopic: string | null; tenantId: string | null }) {
    const topic = this.#canonical(source, event.topic);
    return this.#bySource
      .get(source)
      ?.find(
        ({ selector }) =>
          matchesPattern(selector.topic, topic) &&
          matchesPattern(selector.subTopic, event.subTopic) &&
          matchesPattern(selector.tenantId, event.tenantId),
      );
  }

  /** Every handler, the most specific first. */
  list(): RegisteredHandler[] {
    return [...this.#bySource.values()].flat();
  }

  #selectorOf({ source, topic, subTopic, tenantId }: Handler): Selector {
    return { topic: this.#canonical(source, topic), subTopic, tenantId };
  }

  #canonical(source: string, topic: string): string {
    const aliases = this.#aliases.get(source);
    return (aliases && Object.hasOwn(aliases, topic) && aliases[topic]) || topic;
  }
}

/** Nothing would ever be given to it, and the events that it was written for would be quarantined. */
function unknownSource({ handler, file }: RegisteredHandler, known: string[]): HandlersError {
  return new HandlersError(
    `The handler ${file} is for the source "${handler.source}", which there is not. There are: ${known.join(', ')}.`,
  );
}

function refuseTies(entries: Entry[]): void {
  entries.forEach((a, index) => {
    for (const b of entries.slice(index + 1)) {
      if (compareSpecificity(a.selector, b.selector) !== 0) break;
      if (!overlap(a.selector, b.selector)) continue;
      throw new HandlersError(
        `Two handlers are equally specific for ${a.handler.source} ${describe(a.selector)}: ` +
          `${a.file} and ${b.file}. Remove one, or give one of them a narrower topic, subTopic or tenantId.`,
      );
    }
  });
}

function describe({ topic, subTopic, tenantId }: Selector): string {
  const parts = [`topic ${topic}`];
  if (subTopic !== undefined) parts.push(`subTopic ${subTopic}`);
  if (tenantId !== undefined) parts.push(`tenantId ${tenantId}`);
  return parts.join(', ');
}
