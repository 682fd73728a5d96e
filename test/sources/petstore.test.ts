/** What a body says of its event, however it is written: the source reads most bodies as Latin-1. */
import t from 'tap';
import petstore from '../../sources/petstore.js';
import type { Identity } from '../../lib/source.js';

const source = petstore.create({}, { log: undefined as never });

function identify(body: Buffer): Identity {
  return source.identify({ body, headers: {} }, undefined);
}

/** `é` in UTF-8, read as Latin-1, and escaped: another text than `é`, and the same when it is read wrongly. */
const LOOKS_LIKE_UTF8 = String.raw`\u00c3\u00a9`;

const TEXTS = {
  ASCII: ['evt_1', 'evt_1'],
  'two bytes': ['évt', 'évt'],
  'three and four bytes': ['’😀', '’😀'],
  'escaped ASCII': [String.raw`\u0065vt`, 'evt'],
  'escaped é': [String.raw`\u00e9vt`, 'évt'],
  'escapes that look like UTF-8': [LOOKS_LIKE_UTF8, 'Ã©'],
  'such escapes beside the real thing': [`é${LOOKS_LIKE_UTF8}`, 'éÃ©'],
  'half a pair': [String.raw`\ud83d`, '\ud83d'],
  'a quote and a line break': [String.raw`\"\n`, '"\n'],
} as const;

void t.test('what names an event is read as it was written', async (t) => {
  for (const [name, [written, text]] of Object.entries(TEXTS)) {
    const other = '"data":{"name":"’ é 😀 \\u00e9"}';
    const at = '2026-01-02T03:04:05Z';
    for (const [member, key] of [
      ['id', 'id'],
      ['eventType', 'topic'],
      ['timestamp', 'triggeredAt'],
    ] as const) {
      const members = { id: 'evt_1', eventType: 'pet.adopted', timestamp: at, [member]: written };
      const json = Object.entries(members).map(([key, value]) => `"${key}":"${value}"`);
      const identity = identify(Buffer.from(`{${json.join()},${other}}`));
      t.match(
        identity,
        { id: 'evt_1', topic: 'pet.adopted', triggeredAt: at, [key]: text },
        `${member}: ${name}`,
      );
      t.equal(identity.quarantine, undefined);
    }
  }
});

void t.test('a member whose name is written with escapes, or that stands twice', async (t) => {
  t.match(identify(Buffer.from(String.raw`{"\u0069d":"a","eventType":"b","x":"é"}`)), {
    id: 'a',
    topic: 'b',
  });
  t.match(identify(Buffer.from('{"id":"é","id":"b","eventType":"c"}')), { id: 'b' });
  t.match(identify(Buffer.from('{"id":"b","id":"é","eventType":"c"}')), { id: 'é' });
});

void t.test('what is no JSON in UTF-8 is none in Latin-1', async (t) => {
  const quarantine = 'not-json';
  for (const body of ['', '{', '\ufeff{}', '\u00a0{}', '{"id":"\u0001"}', '{"id":"a"}\u0085', '{"id":é}'])
    t.match(
      identify(Buffer.from(body)),
      { id: undefined, topic: undefined, quarantine },
      JSON.stringify(body),
    );
});

void t.test('bytes that are no UTF-8 are seen to be none', async (t) => {
  const bytes = Buffer.concat([Buffer.from('{"id":"a'), Buffer.from([0xff]), Buffer.from('"}')]);
  t.equal(identify(bytes).id, 'a\ufffd');
});
