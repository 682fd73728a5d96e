import { streamName, type Entry, type FinishedPosition, type FinishedState } from './entry.js';
import { keyOf, type DeliveryStore, type Place } from './store.js';

export interface FinishedWalkOptions {
  places: Place[];
  states: FinishedState[];
  order: 'newest' | 'oldest';
  /** Bounds of the time of ending, both included; milliseconds since 1970. */
  since?: number | undefined;
  until?: number | undefined;
  /** Goes on behind this one, which need not exist any more. */
  after?: FinishedPosition | undefined;
}

/** One sorted set of BullMQ's: a queue's completed or failed jobs by the time at which they ended. */
interface Stream {
  place: Place;
  state: FinishedState;
  name: string;
  key: string;
  /** What was read and not yet handed out. */
  buffer: Entry[];
  ended: boolean;
  /** Where reading goes on. `jobId`: up to and with it, everything at this time is done. */
  from: { endedAt: number; exclusive: boolean; jobId?: string } | undefined;
  /** Entries for one read; grows on, and where more than that ended in the same millisecond. */
  size: number;
}

/** A first page needs few; who goes on is given more at once. */
const FIRST_READ = 250;
const MOST_READ = 2_000;

/**
 * Walks what has ended, over several queues and states, in the order of the time of ending. Entries may go and
 * come while it walks: a place is remembered by its time and job, not by its number, so nothing that stays is
 * left out or met twice.
 */
export class FinishedWalk {
  readonly #store: DeliveryStore;
  readonly #options: FinishedWalkOptions;
  readonly #streams: Stream[];
  /** 1 or -1: the sign of `compare`. */
  readonly #sign: number;

  constructor(store: DeliveryStore, options: FinishedWalkOptions) {
    this.#store = store;
    this.#options = options;
    this.#sign = options.order === 'oldest' ? 1 : -1;
    this.#streams = options.places
      .flatMap((place) => options.states.map((state) => this.#open(place, state)))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The next entries, `count` at most; none at the end. */
  async next(count: number): Promise<Entry[]> {
    const entries: Entry[] = [];
    while (entries.length < count) {
      await Promise.all(this.#streams.map((stream) => this.#fill(stream)));
      const first = this.#first();
      if (!first) break;
      // Everything up to the point where some stream must be read again.
      let stream: Stream | undefined = first;
      while (stream && entries.length < count) {
        entries.push(stream.buffer.shift() as Entry);
        if (stream.buffer.length === 0 && !stream.ended) break;
        stream = this.#first();
      }
    }
    return entries;
  }

  #open(place: Place, state: FinishedState): Stream {
    const name = streamName(place, state);
    const { after } = this.#options;
    return {
      place,
      state,
      name,
      key: keyOf(this.#store, place, state),
      buffer: [],
      ended: false,
      from: after && startBehind(after, name),
      size: FIRST_READ,
    };
  }

  /** The stream whose next entry comes first: by time, then by the stream's name. */
  #first(): Stream | undefined {
    let best: Stream | undefined;
    for (const stream of this.#streams) {
      const [entry] = stream.buffer;
      if (!entry) continue;
      if (!best || (endOf(entry) - endOf(best.buffer[0])) * this.#sign < 0) best = stream;
    }
    return best;
  }

  async #fill(stream: Stream): Promise<void> {
    while (stream.buffer.length === 0 && !stream.ended) {
      const read = await this.#read(stream);
      stream.buffer = read.filter((entry) => !this.#isDone(stream, entry));
      stream.ended = read.length < stream.size;
      const last = stream.buffer.at(-1);
      if (last) stream.from = { endedAt: endOf(last), exclusive: false, jobId: last.jobId };
      if (!last || stream.size < MOST_READ) stream.size *= 2;
    }
  }

  async #read({ key, place, state, from, size }: Stream): Promise<Entry[]> {
    const { order, since, until } = this.#options;
    const low = since === undefined ? '-inf' : String(since);
    const high = until === undefined ? '+inf' : String(until);
    const edge = from && `${from.exclusive ? '(' : ''}${from.endedAt}`;
    const { redis } = this.#store;
    const reply =
      order === 'oldest'
        ? await redis.zrange(key, edge ?? low, high, 'BYSCORE', 'LIMIT', 0, size, 'WITHSCORES')
        : await redis.zrange(key, edge ?? high, low, 'BYSCORE', 'REV', 'LIMIT', 0, size, 'WITHSCORES');
    const entries: Entry[] = [];
    for (let at = 0; at < reply.length; at += 2) {
      entries.push({ ...place, state, jobId: reply[at] as string, endedAt: Number(reply[at + 1]) });
    }
    return entries;
  }

  /** Redis orders equal scores by the bytes of the member; job ids are ASCII, so strings compare alike. */
  #isDone({ from }: Stream, { endedAt, jobId }: Entry): boolean {
    if (from?.jobId === undefined || endedAt !== from.endedAt) return false;
    return this.#sign === 1 ? jobId <= from.jobId : jobId >= from.jobId;
  }
}

function endOf(entry: Entry | undefined): number {
  return entry?.endedAt ?? 0;
}

/** Streams are walked by name where times are equal, so that one position says where each goes on. */
function startBehind(after: FinishedPosition, name: string): NonNullable<Stream['from']> {
  const { endedAt, jobId, stream } = after;
  if (name === stream) return { endedAt, exclusive: false, jobId };
  return { endedAt, exclusive: name < stream };
}
