import { randomBytes, sign, type KeyPairKeyObjectResult } from 'node:crypto';

const DAY = 86_400_000;

const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
  dnsName: 0x82,
  extensions: 0xa3,
};

/** Object identifiers and other parts that never change, in DER. */
const SHA256_WITH_RSA = Buffer.from('300d06092a864886f70d01010b0500', 'hex');
const COMMON_NAME = Buffer.from('0603550403', 'hex');
const SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex');
const VERSION_3 = Buffer.from('020102', 'hex');

/**
 * A self-signed X.509 certificate (RFC 5280) for one host name, valid from yesterday for a year.
 * Written out in DER, for it is the only one that Hookline ever makes.
 * @returns PEM
 */
export function selfSignedCertificate(
  host: string,
  { publicKey, privateKey }: KeyPairKeyObjectResult,
): string {
  const name = der(
    TAG.sequence,
    der(TAG.set, der(TAG.sequence, COMMON_NAME, der(TAG.utf8String, Buffer.from(host)))),
  );
  const altNames = der(TAG.sequence, der(TAG.dnsName, Buffer.from(host)));
  const content = der(
    TAG.sequence,
    der(TAG.version, VERSION_3),
    der(TAG.integer, serialNumber()),
    SHA256_WITH_RSA,
    name,
    der(TAG.sequence, utcTime(Date.now() - DAY), utcTime(Date.now() + 365 * DAY)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      TAG.extensions,
      der(TAG.sequence, der(TAG.sequence, SUBJECT_ALT_NAME, der(TAG.octetString, altNames))),
    ),
  );
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', content, privateKey)]);
  const certificate = der(TAG.sequence, content, SHA256_WITH_RSA, der(TAG.bitString, signature));
  const lines = certificate.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** One DER value: tag, length, content (ITU-T X.690, 8.1). */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  const hex = content.length.toString(16);
  const length = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, content]);
}

/** 16 bytes, positive and without a leading zero byte, as DER wants it. */
function serialNumber(): Buffer {
  const serial = randomBytes(16);
  serial.writeUInt8((serial.readUInt8(0) & 0x7f) | 0x40, 0);
  return serial;
}

/** `YYMMDDhhmmssZ`, the form for years before 2050 (RFC 5280, 4.1.2.5). */
function utcTime(time: number): Buffer {
  const digits = new Date(time).toISOString().replace(/\D/g, '').slice(2, 14);
  return der(TAG.utcTime, Buffer.from(`${digits}Z`));
}
