/**
 * Why does an HMAC not match? Tries the mistakes that people make with secrets and that proxies make with bodies.
 * For the operator's eyes only: what it finds decides nothing, and never reaches the sender.
 */
import { isUtf8 } from 'node:buffer';
import { isModest } from './modest-json.js';
import { isSigned } from './signature.js';

export interface SignatureFault {
  cause: 'secret-white-space' | 'body-changed' | 'wrong-secret' | 'bad-signature';
  detail: string;
}

/** Bytes. A body is hashed some fifty times: what is larger is not looked into. */
const MAX_BODY = 64 * 1024;

/** What editors, shells and copying leave around a secret. `trim` takes all of them for white space. */
const WHITE_SPACE = ['\n', '\r\n', ' ', '\t', '\r', '  ', '\u00a0', '\ufeff'];
const QUOTES = ['"', "'", '`'];

interface Reading {
  detail: string;
  body: Buffer;
}

/**
 * The likely cause, by trying.
 * @param provenBefore has one of the secrets verified a delivery before? Then it is hardly wrong.
 */
export function diagnoseHmac(
  body: Buffer,
  signatures: Buffer[],
  secrets: string[],
  provenBefore: boolean,
): SignatureFault {
  if (body.length > MAX_BODY) return { cause: 'bad-signature', detail: `${EITHER} ${TOO_LARGE}` };
  const spelling = secretSpellings(secrets).find(({ secret }) => isSigned(body, signatures, [secret]));
  if (spelling) return { cause: spelling.cause, detail: spelling.detail };
  const reading = bodyReadings(body).find((one) => isSigned(one.body, signatures, secrets));
  if (reading)
    return { cause: 'body-changed', detail: `The body was changed on the way: ${reading.detail}. ${RAW}` };
  return { cause: 'wrong-secret', detail: provenBefore ? PROVEN : UNPROVEN };
}

const RAW = 'Have the proxy in between pass on the bytes that it gets.';
const EITHER = 'Signed with another secret, or the body was changed on the way.';
const TOO_LARGE = `The body is over ${MAX_BODY} bytes, so that no further look was taken.`;
const UNPROVEN =
  'Signed with another secret, or the body was changed in its meaning. No delivery has been verified with PETSTORE_WEBHOOK_SECRET since the start, so the secret is likely wrong: compare it with the endpoint’s, or give that a new one (hookline endpoints update <id> --new-secret).';
const PROVEN =
  'Signed with another secret, or the body was changed in its meaning. Other deliveries have been verified with PETSTORE_WEBHOOK_SECRET since the start, so this is a forgery, an endpoint with a secret of its own, or a proxy that changes some bodies.';

/** Other spellings of the secrets under which the provider may know them. */
function secretSpellings(
  secrets: string[],
): Array<{ secret: string; cause: SignatureFault['cause']; detail: string }> {
  return [
    ...secrets.flatMap(whiteSpaceSpellings),
    ...secrets.flatMap(quoteSpellings),
    ...(secrets.length > 1 ? commaSpellings(secrets) : []),
  ];
}

function whiteSpaceSpellings(secret: string) {
  const detail =
    'The provider’s secret has white space around it (a line break at its end, most likely), and that in PETSTORE_WEBHOOK_SECRET has not: give the endpoint the secret without it.';
  return WHITE_SPACE.flatMap((blank) => [secret + blank, blank + secret, blank + secret + blank]).map(
    (spelt) => ({ secret: spelt, cause: 'secret-white-space' as const, detail }),
  );
}

function quoteSpellings(secret: string) {
  const inside = /^(["'`])(.+)\1$/.exec(secret)?.[2];
  const detail =
    inside === undefined
      ? 'The provider’s secret has quotation marks around it, and that in PETSTORE_WEBHOOK_SECRET has not: give the endpoint the secret without them.'
      : 'The secret in PETSTORE_WEBHOOK_SECRET has quotation marks around it that are not part of it: docker’s --env-file keeps them. Take them away.';
  const spelt = inside === undefined ? QUOTES.map((quote) => quote + secret + quote) : [inside];
  return spelt.map((one) => ({ secret: one, cause: 'wrong-secret' as const, detail }));
}

function commaSpellings(secrets: string[]) {
  const detail =
    'The provider’s secret has a comma in it, at which PETSTORE_WEBHOOK_SECRET is cut in two: give the endpoint a secret without one.';
  return [',', ', '].map((comma) => ({
    secret: secrets.join(comma),
    cause: 'wrong-secret' as const,
    detail,
  }));
}

/** What the body may have been before a proxy had it. */
function bodyReadings(body: Buffer): Reading[] {
  return [
    ...readingsOfEnds(body),
    ...readingsOfLines(body),
    ...readingsOfJson(body),
    ...readingsOfCharset(body),
  ];
}

function readingsOfEnds(body: Buffer): Reading[] {
  const text = body.toString('latin1');
  const trimmed = Buffer.from(text.replace(/^(?:\xef\xbb\xbf)?\s+|\s+$/g, ''), 'latin1');
  const bom = Buffer.from([0xef, 0xbb, 0xbf]);
  const added = 'white space was added at its ends';
  const taken = 'white space was taken from its end';
  return [
    { detail: added, body: trimmed },
    ...['\n', '\r\n', ' '].map((end) => ({
      detail: taken,
      body: Buffer.concat([trimmed, Buffer.from(end)]),
    })),
    body.subarray(0, 3).equals(bom)
      ? { detail: 'a byte order mark was put before it', body: body.subarray(3) }
      : { detail: 'its byte order mark was taken away', body: Buffer.concat([bom, body]) },
  ];
}

function readingsOfLines(body: Buffer): Reading[] {
  const text = body.toString('latin1');
  if (!text.includes('\n')) return [];
  const detail = 'its line ends were changed';
  return [
    { detail, body: Buffer.from(text.replaceAll('\r\n', '\n'), 'latin1') },
    { detail, body: Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'latin1') },
  ];
}

/** The ways in which the usual programs write JSON. */
function readingsOfJson(body: Buffer): Reading[] {
  // Indented, what is deep grows with the square of its depth.
  if (!isModest(body)) return [];
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    return [];
  }
  const detail = 'its JSON was read and written anew';
  const texts = [
    JSON.stringify(value),
    JSON.stringify(value, null, 2),
    JSON.stringify(value, null, 4),
    JSON.stringify(value, null, '\t'),
    spaced(JSON.stringify(value)),
  ];
  const spelt = texts.flatMap((text) => [text, asciiOnly(text), text.replaceAll('/', '\\/')]);
  return [...new Set(spelt)].map((text) => ({ detail, body: Buffer.from(text) }));
}

/** As Python's json.dumps writes it: a space after `:` and `,`. */
function spaced(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|[:,]/g, (part) =>
    part === ':' || part === ',' ? `${part} ` : part,
  );
}

function asciiOnly(json: string): string {
  return json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function readingsOfCharset(body: Buffer): Reading[] {
  const detail = 'its character set was changed';
  const wider = { detail, body: Buffer.from(body.toString('latin1'), 'utf8') };
  return isUtf8(body) ? [wider, { detail, body: Buffer.from(body.toString('utf8'), 'latin1') }] : [wider];
}
