import { generateKeyPair, type KeyPairKeyObjectResult } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

/** A new RSA key pair of 2048 bits, as the providers use. */
export function generateRsaKey(): Promise<KeyPairKeyObjectResult> {
  return generate('rsa', { modulusLength: 2048 });
}

/** The signature with its last byte changed: well-formed still, and wrong. */
export function spoil(signature: Buffer): Buffer {
  const spoilt = Buffer.from(signature);
  spoilt.writeUInt8(spoilt.readUInt8(spoilt.length - 1) ^ 1, spoilt.length - 1);
  return spoilt;
}
