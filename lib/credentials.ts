import { createHash, timingSafeEqual } from 'node:crypto';

/** `guess` stands for well-formed credentials that are wrong; it tells nothing of them. */
export type CredentialsCheck = { ok: true } | { ok: false; guess: string | undefined };

/** RFC 7617: users and passwords that are good, in any pairs: several while they are rotated. */
export class Credentials {
  readonly #expected: Buffer[];

  constructor(users: readonly string[], passwords: readonly string[]) {
    const pairs = users.flatMap((user) => passwords.map((password) => `${user}:${password}`));
    this.#expected = pairs.map(digest);
  }

  /** Hashes are compared, as those have one length, and all of them, in constant time. */
  check(authorization: string | undefined): CredentialsCheck {
    const encoded = /^basic +([a-z0-9+/]+={0,2}) *$/i.exec(authorization ?? '')?.[1];
    if (encoded === undefined) return { ok: false, guess: undefined };
    const given = digest(Buffer.from(encoded, 'base64'));
    let ok = false;
    for (const expected of this.#expected) ok = timingSafeEqual(given, expected) || ok;
    return ok ? { ok } : { ok, guess: given.toString('base64') };
  }
}

function digest(text: string | Buffer): Buffer {
  return createHash('sha256').update(text).digest();
}
