import t from 'tap';
import { HandlersError, handlerSchema } from '../../lib/handler.js';
import type { SourceDefinition } from '../../lib/source.js';
import petstore from '../../sources/petstore.js';
import { HandlerRegistry, type RegisteredHandler } from '../../workers/registry.js';
import type { Selector } from '../../workers/specificity.js';

const acme: SourceDefinition = {
  ...(petstore as unknown as SourceDefinition),
  name: 'acme',
  topicAliases: {},
};
const definitions = [petstore as unknown as SourceDefinition, acme];
const NONE = { subTopic: null, tenantId: null };

function handler(file: string, selector: Selector, source = 'acme'): RegisteredHandler {
  return { file, handler: handlerSchema.parse({ source, ...selector, handle: () => undefined }) };
}

function registry(...handlers: RegisteredHandler[]): HandlerRegistry {
  return new HandlerRegistry(handlers, definitions);
}

void t.test('the most specific handler wins, in whatever order they are found', async (t) => {
  const handlers = [
    handler('any', { topic: '*' }),
    handler('orders', { topic: 'orders/*' }),
    handler('placed', { topic: 'orders/placed' }),
    handler('product', { topic: 'orders/placed', subTopic: 'product:adv/*' }),
    handler('tenant', { topic: 'orders/placed', subTopic: 'product:adv/*', tenantId: 'OU1' }),
  ];
  for (const found of [handlers, handlers.toReversed()]) {
    const all = registry(...found);
    const match = (topic: string, subTopic: string | null = null, tenantId: string | null = null) =>
      all.match('acme', { topic, subTopic, tenantId })?.file;
    t.equal(match('orders/placed', 'product:adv/1', 'OU1'), 'tenant');
    t.equal(match('orders/placed', 'product:adv/1', 'OU2'), 'product');
    t.equal(match('orders/placed', 'product:adv/1'), 'product');
    t.equal(match('orders/placed', 'product:else'), 'placed');
    t.equal(match('orders/placed'), 'placed');
    t.equal(match('orders/updated'), 'orders');
    t.equal(match('else'), 'any');
    t.equal(all.match('other', { topic: 'orders/placed', ...NONE }), undefined, 'another source');
    t.same(
      all.list().map(({ file }) => file),
      ['tenant', 'product', 'placed', 'orders', 'any'],
    );
  }
});

void t.test('two equally specific handlers stop the start, with both names', async (t) => {
  const ties: Array<[a: Selector, b: Selector]> = [
    [{ topic: 'x' }, { topic: 'x' }],
    [{ topic: '*' }, { topic: '*', subTopic: '*' }],
    [{ topic: 'a*' }, { topic: '*a' }],
    [{ topic: 'ab*' }, { topic: 'a*b' }],
    [
      { topic: 'x', subTopic: 'p*', tenantId: 't' },
      { topic: 'x', subTopic: '*q', tenantId: 't' },
    ],
  ];
  for (const [a, b] of ties) {
    const make = () =>
      registry(handler('first.ts', a), handler('between.ts', { topic: 'other' }), handler('second.ts', b));
    t.throws(make, HandlersError, JSON.stringify([a, b]));
    t.throws(make, { message: /(?=.*first\.ts)(?=.*second\.ts)/ });
    t.throws(make, { message: /^(?!.*between\.ts)/ });
  }
});

void t.test('equally specific handlers that no event could be for both', async (t) => {
  registry(handler('a', { topic: 'a' }), handler('b', { topic: 'b' }));
  registry(handler('a', { topic: 'a*' }), handler('b', { topic: 'b*' }));
  registry(handler('a', { topic: 'x', tenantId: 't' }), handler('b', { topic: 'x', tenantId: 'u' }));
  registry(handler('a', { topic: 'x' }), handler('b', { topic: 'x' }, 'petstore'));
  t.pass();
});

void t.test('a tie among many is found', async (t) => {
  const many = Array.from({ length: 50 }, (_, index) => handler(`${index}`, { topic: `topic-${index}` }));
  t.equal(registry(...many).list().length, 50);
  t.throws(() => registry(...many, handler('again', { topic: 'topic-17' })), {
    message: /17.*again|again.*17/,
  });
});

void t.test('spellings of one topic are one topic', async (t) => {
  const all = registry(handler('file', { topic: 'order.status_changed' }, 'petstore'));
  for (const topic of ['order.status_changed', 'order.statusChanged'])
    t.equal(all.match('petstore', { topic, ...NONE })?.file, 'file', topic);
  for (const topic of ['order.statuschanged', 'constructor', '__proto__'])
    t.equal(all.match('petstore', { topic, ...NONE }), undefined, topic);
  t.throws(
    () =>
      registry(
        handler('one', { topic: 'order.status_changed' }, 'petstore'),
        handler('two', { topic: 'order.statusChanged' }, 'petstore'),
      ),
    { message: /one and two/ },
  );
});

void t.test('a source that there is not', (t) => {
  t.throws(() => registry(handler('lost.mjs', { topic: 'a' }, 'petstor')), {
    name: 'HandlersError',
    message: /lost\.mjs.*"petstor".*petstore, acme/,
  });
  t.end();
});
