/** Preloaded into a receiver: moves its clock by as many milliseconds as the file MOVED_CLOCK holds. */
import { readFileSync } from 'node:fs';

const file = process.env.MOVED_CLOCK;
const now = Date.now;
let moved = 0;

setInterval(() => {
  moved = Number(readFileSync(file, 'utf8'));
}, 20).unref();

Date.now = () => now() + moved;
