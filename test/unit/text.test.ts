import t from 'tap';
import { textOf } from '../../lib/text.js';

void t.test('bytes are read as UTF-8, whichever way is taken', async (t) => {
  const everyAscii = Buffer.from(Array.from({ length: 128 }, (_, byte) => byte));
  for (const bytes of [Buffer.alloc(0), everyAscii, Buffer.from('é’😀\ufeff'), Buffer.from([0x61, 0xff])])
    t.equal(textOf(bytes), new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
});
