import { createHmac, timingSafeEqual } from 'node:crypto';

const HEX_SHA256 = /^[0-9a-f]{64}$/i;

/** The hex digests in a header such as `sha256=<hex>` or `sha256=<hex>, sha256=<hex>`; what is not one is left out. */
export function readSignatures(header: string): Buffer[] {
  return header
    .split(',', 16)
    .map((part) => part.trim())
    .filter((part) => part.startsWith('sha256=') && HEX_SHA256.test(part.slice(7)))
    .map((part) => Buffer.from(part.slice(7), 'hex'));
}

/**
 * Was the exact body signed with one of the secrets (HMAC-SHA256)? The body is hashed once for each secret, and
 * every comparison takes the same time wherever the first difference lies.
 */
export function isSigned(body: Buffer, signatures: Buffer[], secrets: string[]): boolean {
  let signed = false;
  for (const secret of secrets) {
    const expected = createHmac('sha256', secret).update(body).digest();
    for (const signature of signatures) signed = timingSafeEqual(expected, signature) || signed;
  }
  return signed;
}
