import crypto from 'node:crypto';

/** SHA-256 of a text as base64. In one call where Node.js has it (20.12), which takes a third of the time. */
export const sha256: (text: string) => string =
  typeof crypto.hash === 'function'
    ? (text) => crypto.hash('sha256', text, 'base64')
    : (text) => crypto.createHash('sha256').update(text).digest('base64');
