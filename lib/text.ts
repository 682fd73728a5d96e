/**
 * What has no place in a name: control characters (C0, DEL, C1, line and paragraph separators), since logs and keys are
 * lines, and characters that turn the direction of a line round, which make it read as another.
 */
const UNPRINTABLE =
  // oxlint-disable-next-line no-control-regex, no-misleading-character-class
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/** Half a surrogate pair: it has no UTF-8, so that all of them would be hashed and stored as one and the same. */
const HALF_PAIR = /\p{Surrogate}/u;

/** May this stand in logs, keys and on pages as it is? */
export function isPrintable(text: string): boolean {
  return !UNPRINTABLE.test(text) && !HALF_PAIR.test(text);
}

/** Bytes by which different texts are different: UTF-8, or UTF-16 for a text that has no UTF-8. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(text, HALF_PAIR.test(text) ? 'utf16le' : 'utf8');
}
