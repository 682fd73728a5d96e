import zlib from 'node:zlib';

/** CRC-32 as in gzip (RFC 1952 section 8). Node.js has it from 20.15 on; the table is for older ones. */
export const crc32: (bytes: Buffer) => number =
  (zlib as { crc32?: (bytes: Buffer) => number }).crc32 ?? crc32ByTable;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value;
});

export function crc32ByTable(bytes: Buffer): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (value >>> 8) ^ (TABLE[(value ^ byte) & 0xff] ?? 0);
  return (value ^ 0xffffffff) >>> 0;
}
