/** Why a signature does not match is looked into for the operator; no body of a stranger may make that dear. */
import { createHmac } from 'node:crypto';
import t from 'tap';
import { diagnoseHmac } from '../../lib/hmac-diagnosis.js';
import { silentLog } from '../../lib/log.js';
import petstore from '../../sources/petstore.js';

const SECRET = 'the-secret-of-this-test';
const WRONG = Buffer.alloc(32);

const nested = (levels: number) => Buffer.from(`${'['.repeat(levels)}${']'.repeat(levels)}`);

void t.test('a deep body is refused like any other, and not written anew', async (t) => {
  for (const levels of [17, 1_000, 5_000, 10_000, 30_000, 100_000]) {
    const { cause } = diagnoseHmac(nested(levels), [WRONG], [SECRET], true);
    t.match(cause, /wrong-secret|bad-signature/, `${levels} levels`);
    // One for each, as only some are looked into.
    const source = petstore.create({ PETSTORE_WEBHOOK_SECRET: [SECRET] }, { log: silentLog });
    const headers = { 'x-petstore-signature': `sha256=${WRONG.toString('hex')}` };
    t.match(
      source.authenticate({ body: nested(levels), headers }),
      { ok: false, status: 401 },
      `${levels} levels`,
    );
  }
});

void t.test('a flat one still is', async (t) => {
  const signed = '{"id":"evt_1","data":{"list":[1,2,{"a":"b"}]}}';
  const digest = createHmac('sha256', SECRET).update(signed).digest();
  const indented = Buffer.from(JSON.stringify(JSON.parse(signed), null, 2));
  t.equal(diagnoseHmac(indented, [digest], [SECRET], true).cause, 'body-changed');
});
