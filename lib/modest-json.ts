/** An SNS message is an object of a dozen members, one of which may hold attributes. */
const MAX_DEPTH = 16;
const MAX_PARTS = 20_000;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
/** `[` and `{`, `]` and `}`: each pair differs in one bit. */
const [OPENING, CLOSING, WITHOUT] = [0x5b, 0x5d, ~0x20];

/**
 * Is this JSON flat and of few parts, however long its texts are? Ten megabytes of brackets take JSON.parse most of a
 * second and some hundred megabytes, and a few kilobytes of them JSON.stringify as much or more, which nobody may cost
 * us who has proven nothing.
 */
export function isModest(json: Buffer): boolean {
  let depth = 0;
  let parts = 0;
  let inText = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at] as number;
    if (byte === QUOTE) inText = !inText;
    else if (inText) {
      // Whatever comes next is escaped.
      if (byte === BACKSLASH) at += 1;
    } else if (byte === COMMA) parts += 1;
    else if ((byte & WITHOUT) === OPENING) {
      depth += 1;
      parts += 1;
    } else if ((byte & WITHOUT) === CLOSING) depth -= 1;
    if (depth > MAX_DEPTH || parts > MAX_PARTS) return false;
  }
  return true;
}
