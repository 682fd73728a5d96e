/** What is found out about a signature that does not match: the mistakes of people, and those of proxies. */
import t from 'tap';
import { diagnoseHmac, type SignatureFault } from '../../lib/hmac-diagnosis.js';
import { readSignatures } from '../../lib/signature.js';
import { hmac } from '../support/openssl.js';

const SECRET = 'whsec_bär';
const EVENT = { id: 'evt_1', eventType: 'pet.adopted', data: { name: 'Zoë', url: 'https://x/y', n: 1 } };
const SENT = JSON.stringify(EVENT);

interface Case {
  /** What the provider signed, and with what; what came here, and what is set here. */
  signed?: string | Buffer;
  by?: string;
  came?: string | Buffer;
  secrets?: string[];
  cause: SignatureFault['cause'];
  detail: RegExp;
}

const WHITE_SPACE = {
  cause: 'secret-white-space',
  detail: /provider’s secret has white space around it/,
} as const;
const REWRITTEN = {
  cause: 'body-changed',
  detail: /its JSON was read and written anew.*the bytes that it gets/,
} as const;
const ENDS_ADDED = { cause: 'body-changed', detail: /white space was added at its ends/ } as const;
const ENDS_TAKEN = { cause: 'body-changed', detail: /white space was taken from its end/ } as const;
const LINES = { cause: 'body-changed', detail: /its line ends were changed/ } as const;

const cases: Record<string, Case> = {
  'another secret': {
    by: 'whsec_of_a_stranger',
    cause: 'wrong-secret',
    detail: /so the secret is likely wrong: compare it/,
  },
  'a line break after the secret': { by: `${SECRET}\n`, ...WHITE_SPACE },
  'a blank before it': { by: ` ${SECRET}`, ...WHITE_SPACE },
  'one around the second of two': { by: `\t${SECRET}\t`, secrets: ['older-secret', SECRET], ...WHITE_SPACE },
  'quotation marks at the provider': {
    by: `"${SECRET}"`,
    cause: 'wrong-secret',
    detail: /provider’s secret has quotation marks around it/,
  },
  'quotation marks here': {
    secrets: [`'${SECRET}'`],
    cause: 'wrong-secret',
    detail: /The secret in PETSTORE_WEBHOOK_SECRET has quotation marks/,
  },
  'a comma in the secret': {
    by: 'first-half,second-half',
    secrets: ['first-half', 'second-half'],
    cause: 'wrong-secret',
    detail: /has a comma in it/,
  },
  'a byte more': { came: `${SENT}\n`, ...ENDS_ADDED },
  'a line break less': { signed: `${SENT}\n`, came: SENT, ...ENDS_TAKEN },
  'JSON with indentation': { came: JSON.stringify(EVENT, null, 2), ...REWRITTEN },
  'JSON without its indentation': { signed: JSON.stringify(EVENT, null, 4), came: SENT, ...REWRITTEN },
  'JSON as Python writes it': {
    signed: '{"id": "evt_1", "n": [1, 2], "text": "a:b, \\u00e9"}',
    came: '{"id":"evt_1","n":[1,2],"text":"a:b, é"}',
    ...REWRITTEN,
  },
  'JSON as PHP writes it': { signed: SENT.replaceAll('/', '\\/'), came: SENT, ...REWRITTEN },
  'other line ends': { signed: '{\n"a": 1.0\n}', came: '{\r\n"a": 1.0\r\n}', ...LINES },
  'other line ends, the other way': { signed: '{\r\n"a": 1.0\r\n}', came: '{\n"a": 1.0\n}', ...LINES },
  'a byte order mark': {
    came: Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{"a": 1.0}')]),
    signed: '{"a": 1.0}',
    cause: 'body-changed',
    detail: /a byte order mark was put before it|white space was added/,
  },
  'another character set': {
    signed: '{"name": 1.0, "x": "Zoë"}',
    came: Buffer.from('{"name": 1.0, "x": "Zoë"}', 'latin1'),
    cause: 'body-changed',
    detail: /its character set was changed/,
  },
  'another content': {
    came: SENT.replace('evt_1', 'evt_2'),
    cause: 'wrong-secret',
    detail: /changed in its meaning/,
  },
  'a large body': {
    signed: 'x'.repeat(70_000),
    came: 'y'.repeat(70_000),
    cause: 'bad-signature',
    detail: /no further look was taken/,
  },
};

for (const [
  name,
  { signed = SENT, by = SECRET, came = signed, secrets = [SECRET], cause, detail },
] of Object.entries(cases)) {
  void t.test(name, async (t) => {
    const signatures = readSignatures(`sha256=${hmac(by, signed)}`);
    const fault = diagnoseHmac(Buffer.from(came), signatures, secrets, false);
    t.equal(fault.cause, cause);
    t.match(fault.detail, detail);
    for (const hidden of [...secrets, by, 'Zo'])
      t.notMatch(fault.detail, hidden, 'neither secrets nor content are told');
  });
}

void t.test('a secret that has proved right is hardly wrong', async (t) => {
  const signatures = readSignatures(`sha256=${hmac('whsec_of_a_stranger', SENT)}`);
  const { cause, detail } = diagnoseHmac(Buffer.from(SENT), signatures, [SECRET], true);
  t.equal(cause, 'wrong-secret');
  t.match(detail, /Other deliveries have been verified.*a forgery, an endpoint with a secret of its own/);
});
