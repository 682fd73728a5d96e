import { randomBytes } from 'node:crypto';
import zlib from 'node:zlib';
import t from 'tap';
import { crc32ByTable } from '../../lib/spool/crc32.js';
import { decodePayload, encodeRecord, isCutOff, readStretches } from '../../lib/spool/record.js';
import { spooled } from './support.js';

const three = ['a', 'b', 'ü€😀'].map((id) => spooled(id, `{"of":"${id}"}`));
const records = three.map(encodeRecord);
const all = Buffer.concat(records);

function idsIn(bytes: Buffer): string[] {
  return [...readStretches(bytes)].flatMap(({ payload }) =>
    payload ? decodePayload(payload).delivery.id : [],
  );
}

void t.test('what was written is read', (t) => {
  const found = [...readStretches(all)];
  t.same(
    found.map(({ payload }) => decodePayload(payload as Buffer)),
    three,
  );
  t.equal(found.at(-1)?.end, all.length);
  t.end();
});

void t.test('CRC-32 as gzip has it', (t) => {
  t.equal(crc32ByTable(Buffer.from('123456789')), 0xcbf43926, 'the check value of the catalogues');
  const bytes = randomBytes(10_000);
  // gzip's trailer: CRC-32, then the length.
  t.equal(crc32ByTable(bytes), zlib.gzipSync(bytes).readUInt32LE(zlib.gzipSync(bytes).length - 8));
  t.end();
});

void t.test('cut at every byte', (t) => {
  const [a, b] = [records[0]?.length ?? 0, records[1]?.length ?? 0];
  for (let length = 0; length < all.length; length += 1) {
    const whole = length >= a + b ? 2 : length >= a ? 1 : 0;
    const cut = all.subarray(0, length);
    const found = [...readStretches(cut)];
    const ids = idsIn(cut);
    const rest = found.find(({ payload }) => !payload);
    if (ids.length !== whole || (rest && !isCutOff(cut, rest.start))) t.fail(`cut at ${length}`, { ids });
  }
  t.pass('what is whole is read, and the rest is known to be cut off');
  t.end();
});

void t.test('a changed byte anywhere in the middle', (t) => {
  const start = records[0]?.length ?? 0;
  const end = start + (records[1]?.length ?? 0);
  for (let at = start; at < end; at += 1) {
    const changed = Buffer.from(all);
    changed[at] = (changed[at] ?? 0) ^ 0x41;
    if (idsIn(changed).join() !== 'a,ü€😀') t.fail(`changed at ${at}`, { found: idsIn(changed) });
  }
  t.pass('costs that record and no other');
  t.end();
});

void t.test('no body can pass for a record', (t) => {
  const inner = encodeRecord(spooled('inner'));
  const outer = encodeRecord(spooled('outer', inner.toString('latin1')));
  outer[20] = (outer[20] ?? 0) ^ 1;
  t.same(idsIn(outer), []);
  t.end();
});

void t.test('zeros and noise are no records', (t) => {
  t.same(idsIn(Buffer.alloc(1_000)), []);
  t.same(idsIn(randomBytes(100_000)), []);
  t.end();
});
