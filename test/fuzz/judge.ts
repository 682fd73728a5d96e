/** What an answer says of the receiver: nothing, or that something is wrong with it. */
import type { Headers } from './hostile.js';
import type { Reply } from './exchange.js';
import type { Drawn } from './requests/drawn.js';
import type { World } from './world.js';

/** In words; `undefined` when the answer is as it should be. */
export function judge(world: World, drawn: Drawn, replies: Reply[]): string | undefined {
  const [reply] = replies;
  const worst = replies.find((given) => given.status >= 500 && !isPutOff(drawn, given));
  if (worst) return `answered ${worst.status}: ${worst.body.slice(0, 200)}`;
  for (const { status, body } of replies) {
    const leak = status >= 400 && /\bat .*:\d+:\d+|node_modules|the-secret/.test(body);
    if (leak) return `an error that tells too much: ${body.slice(0, 200)}`;
  }
  const taken = replies.filter(({ status }) => status >= 200 && status < 300);
  if (drawn.expected === 'taken') {
    const said = reply?.status === 200 && /^{"status":"(?:accepted|duplicate)"/.test(reply.body);
    return said
      ? undefined
      : `an authentic delivery was answered ${reply?.status ?? 'not at all'}: ${reply?.body ?? ''}`;
  }
  if (taken.length === 0) {
    return drawn.expected === 'refused' && !drawn.raw && !reply ? 'a forgery was not answered' : undefined;
  }
  if (drawn.expected === 'refused') return `a forgery was answered ${taken[0]?.status}: ${taken[0]?.body}`;
  return mayBeTaken(world, drawn)
    ? undefined
    : `taken, though nobody signed it: ${taken[0]?.body.slice(0, 200)}`;
}

/**
 * A forged token may name a key that nobody knows: past its fetches of keys the receiver cannot tell, and says so
 * (docs/decisions/0002-key-sets.md). No genuine token may be answered that.
 */
export function isPutOff(drawn: Drawn, { status, body }: Reply): boolean {
  const forged = drawn.expected === 'refused' && drawn.path === '/webhooks/pitchpoint';
  return forged && status === 503 && body.includes('HKL_ERR_KEYS_UNAVAILABLE');
}

const OPEN = /^\/(?:health\/(?:live|ready)|metrics)\/?$/;

/** May this be answered 2xx? What is open to all, and deliveries that a signer signed as they stand. */
function mayBeTaken(world: World, drawn: Drawn): boolean {
  const { path, headers, body } = drawn.raw ? readRaw(drawn.raw) : drawn;
  const plain = decode(path.split('?', 1)[0] ?? '');
  if (OPEN.test(plain)) return true;
  const source = /^\/webhooks\/([a-z]+)\/?$/.exec(plain)?.[1];
  return source !== undefined && world.isGenuine(source, headers, body);
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** A request read without any strictness: its first line, its headers, and as much of the rest as they say. */
function readRaw(raw: Buffer): { path: string; headers: Headers; body: Buffer } {
  const end = raw.indexOf('\r\n\r\n');
  const [first = '', ...lines] = raw.subarray(0, end).toString('latin1').split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const at = line.indexOf(':');
    return [line.slice(0, at), line.slice(at + 1).trim()];
  });
  const length = Number(headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1] ?? 0);
  return { path: first.split(/ +/)[1] ?? '', headers, body: raw.subarray(end + 4, end + 4 + length) };
}
