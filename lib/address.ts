import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** `::ffff:10.0.0.1` → `10.0.0.1`: how IPv4 shows on a socket that listens for both. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

/** Those of late: it is asked for several times a request, and most requests come from a few addresses. */
const keys = new Map<string, string>();
const MAX_KEYS = 1_000;
/** An IPv6 address as text. */
const LONGEST = 45;

/**
 * Whom a limit counts: an IPv4 address, or the first 64 bits of an IPv6 one, of which everybody has that many
 * addresses. Always short and of a small alphabet, whatever a proxy's header said.
 */
export function addressKey(address: string | undefined): string {
  const known = keys.get(address ?? '');
  if (known !== undefined) return known;
  const key = makeKey(address);
  if (keys.size >= MAX_KEYS) keys.clear();
  // A copy: one that was cut out of a header would keep all of it.
  if (address !== undefined && address.length <= LONGEST) keys.set(Buffer.from(address).toString(), key);
  return key;
}

function makeKey(address: string | undefined): string {
  const plain = plainAddress(address);
  if (isIPv4(plain)) return plain;
  if (!isIPv6(plain)) return 'unknown';
  const [head = '', tail = ''] = (plain.split('%')[0] ?? '').toLowerCase().split('::');
  const [before, after] = [head, tail].map((part) => (part === '' ? [] : part.split(':'))) as [
    string[],
    string[],
  ];
  // `a::b`: as many zeros stand between as are missing from eight groups.
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  const prefix = [...before, ...zeros, ...after].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${prefix.join(':')}::/64`;
}

const CIDR = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/;

/** Addresses and CIDR ranges; `undefined` when one of them is neither. */
export function readRanges(texts: readonly string[]): BlockList | undefined {
  const ranges = new BlockList();
  for (const text of texts) {
    const [, address = '', bits] = CIDR.exec(text) ?? [];
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    const most = family === 'ipv4' ? 32 : 128;
    if ((family === 'ipv6' && !isIPv6(address)) || Number(bits ?? most) > most) return undefined;
    ranges.addSubnet(address, Number(bits ?? most), family);
  }
  return ranges;
}

export function isWithin(ranges: BlockList, address: string | undefined): boolean {
  const plain = plainAddress(address);
  if (isIPv4(plain)) return ranges.check(plain, 'ipv4');
  return isIPv6(plain) && ranges.check(plain, 'ipv6');
}
