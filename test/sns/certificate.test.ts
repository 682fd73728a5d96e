import t from 'tap';
import { checkCertificate } from '../../lib/sns/certificate.js';
import { expired, makeSigner } from './support.js';

const DAY = 86_400_000;
const EAST = { region: 'us-east-1', domain: 'amazonaws.com' };

void t.test('a certificate of a trusted origin', async (t) => {
  const signer = makeSigner();
  const checked = checkCertificate(signer.pem, null, Date.now());
  t.match(checked, { ok: true, key: { type: 'public' } });
  t.ok(checked.ok && Math.abs(checked.validTo - Date.now() - 30 * DAY) < DAY, 'validTo is in milliseconds');
  t.ok(
    checkCertificate(`\n${signer.pem.replaceAll('\n', '\r\n')}\n`, null, Date.now()).ok,
    'white space around it',
  );
});

void t.test('its dates', async (t) => {
  const signer = makeSigner();
  t.match(checkCertificate(expired(signer).pem, null, Date.now()), { ok: false, problem: 'has expired' });
  t.match(checkCertificate(signer.pem, null, Date.now() + 31 * DAY), { ok: false, problem: 'has expired' });
  t.match(checkCertificate(signer.pem, null, Date.now() - DAY), { ok: false, problem: 'is not valid yet' });
});

void t.test('its key', async (t) => {
  const small = makeSigner({ key: 'rsa:1024' });
  t.match(checkCertificate(small.pem, null, Date.now()), { ok: false, problem: 'has a key under 2048 bits' });
  const curve = makeSigner({ key: 'ec' });
  t.match(checkCertificate(curve.pem, null, Date.now()), { ok: false, problem: 'holds no RSA key' });
});

void t.test('exactly one certificate and nothing else', async (t) => {
  const { pem } = makeSigner();
  const others: Record<string, string> = {
    nothing: '',
    two: pem + pem,
    'quoted by a page': `<xml><value>\n${pem}</value></xml>`,
    'text before': `subject=x\n${pem}`,
    'a key': pem.replaceAll('CERTIFICATE', 'PUBLIC KEY'),
    'no end': pem.slice(0, -30),
  };
  for (const [name, text] of Object.entries(others)) {
    t.match(
      checkCertificate(text, null, Date.now()),
      { ok: false, problem: 'is not exactly one PEM certificate' },
      name,
    );
  }
  const garbled = pem.replace(/\n[A-Za-z0-9+/]{8}/, '\nAAAAAAAA');
  t.match(checkCertificate(garbled, null, Date.now()), { ok: false, problem: 'cannot be read' });
});

void t.test('the names of SNS', async (t) => {
  const hosts = {
    east: EAST,
    cape: { region: 'af-south-1', domain: 'amazonaws.com' },
    gov: { region: 'us-gov-east-1', domain: 'amazonaws.com' },
    china: { region: 'cn-north-1', domain: 'amazonaws.com.cn' },
  };
  const cases: Array<[names: string[], good: Array<keyof typeof hosts>]> = [
    [['DNS:sns.amazonaws.com'], ['east', 'cape', 'gov']],
    [['DNS:sns-signing.af-south-1.amazonaws.com', 'DNS:sns.af-south-1.amazonaws.com'], ['cape']],
    [['DNS:sns-signing.af-south-1.amazonaws.com'], ['cape']],
    [['DNS:sns.us-east-1.amazonaws.com'], ['east']],
    [['DNS:sns-us-gov-west-1.amazonaws.com'], ['gov']],
    [['DNS:sns-cn-north-1.amazonaws.com.cn'], ['china']],
    [['DNS:sns.amazonaws.com.cn'], ['china']],
    [
      ['DNS:evil.com', 'DNS:sns.amazonaws.com'],
      ['east', 'cape', 'gov'],
    ],
    [['DNS:*.amazonaws.com'], []],
    [['DNS:*.us-east-1.amazonaws.com'], []],
    [['DNS:sns.amazonaws.com.evil.com'], []],
    [['DNS:evilsns.amazonaws.com'], []],
    [['DNS:s3.amazonaws.com'], []],
    [['email:sns@sns.amazonaws.com'], []],
  ];
  for (const [names, good] of cases) {
    const { pem } = makeSigner({ names });
    for (const [name, host] of Object.entries(hosts)) {
      const expected = (good as string[]).includes(name);
      t.equal(
        checkCertificate(pem, host, Date.now()).ok,
        expected,
        `${names.join()} at ${name}: ${expected}`,
      );
    }
    t.ok(checkCertificate(pem, null, Date.now()).ok, 'a trusted origin may use any name');
  }
});

void t.test('the common name counts where there are no other names, and only there', async (t) => {
  const plain = makeSigner({ name: 'sns.amazonaws.com' });
  t.ok(checkCertificate(plain.pem, EAST, Date.now()).ok);
  const other = makeSigner({ name: 'sns.amazonaws.com', names: ['DNS:evil.com'] });
  t.match(checkCertificate(other.pem, EAST, Date.now()), { ok: false, problem: 'is not in the name of SNS' });
});

void t.test('an authority does not sign messages', async (t) => {
  const authority = makeSigner({ name: 'sns.amazonaws.com', authority: true });
  t.match(checkCertificate(authority.pem, EAST, Date.now()), {
    ok: false,
    problem: 'is that of an authority',
  });
  t.ok(checkCertificate(authority.pem, null, Date.now()).ok, 'but openssl req -x509 makes one by default');
});
