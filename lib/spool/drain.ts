import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.js';
import type { Rate } from '../settings/units.js';
import { realFiles, type SpoolFiles } from './files.js';
import { decodePayload, readStretches, type Spooled, type Stretch } from './record.js';
import { savePosition, type Segment } from './segment.js';
import type { Spool, SpoolEvent } from './spool.js';

/** What the queue says to a delivery: `refused` is about this very one, `unavailable` about the queue. */
export type Verdict = { is: 'queued' } | { is: 'unavailable' } | { is: 'refused'; reason: string };

export interface DrainOptions {
  spool: Spool;
  /** Queues a delivery under its own job id, so that doing it again changes nothing. Never throws. */
  queue: (spooled: Spooled) => Promise<Verdict>;
  /** How many deliveries were queued so far, by whomever: shows whether others are taken while one is refused. */
  queued: () => number;
  rate: Rate;
  log: Log;
  files?: SpoolFiles;
  onEvent?: (event: SpoolEvent) => void;
}

/** Milliseconds. */
const LOOK_EVERY = 200;
const PAUSE = 1_000;
const SAVE_EVERY = 1_000;
const ADOPT_EVERY = 60_000;
const MAX_BATCH = 200;
/** How often a delivery is refused, while others are taken, before it is kept aside. */
const MAX_REFUSALS = 3;

/** Queues what the spool holds, oldest first and at a bounded rate, for as long as the process runs. */
export class Drain {
  readonly #options: DrainOptions & { files: SpoolFiles };
  readonly #stop = new AbortController();
  readonly #batchSize: number;
  readonly #perRecord: number;
  readonly #running: Promise<void>;
  /** Did the last try go through? While it did not, one record at a time is enough to find out. */
  #healthy = true;
  #nextAt = 0;
  #savedAt = 0;
  #adoptAt = 0;

  constructor(options: DrainOptions) {
    this.#options = { ...options, files: options.files ?? realFiles };
    const { max, window } = options.rate;
    this.#perRecord = window / max;
    // Ten batches a second, so that the queue's other users hardly wait.
    this.#batchSize = Math.max(1, Math.min(MAX_BATCH, Math.floor(100 / this.#perRecord)));
    this.#running = this.#run();
  }

  /** Resolves when the batch in hand has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    const { spool, log } = this.#options;
    while (!this.#stopped) {
      try {
        if (Date.now() >= this.#adoptAt) {
          this.#adoptAt = Date.now() + ADOPT_EVERY;
          await spool.adopt();
        }
        const segment = await spool.front();
        if (segment) await this.#drain(segment);
        else await this.#wait(LOOK_EVERY);
      } catch (error) {
        log.error({ reason: (error as Error).message }, 'draining the spool failed; trying again');
        await this.#wait(PAUSE);
      }
    }
  }

  /** One pass over a segment. What is refused in it stays, and has another turn when the others have had theirs. */
  async #drain(segment: Segment): Promise<void> {
    const { files, spool } = this.#options;
    segment.triedAt = Date.now();
    const content = (await files.read(segment.path)).subarray(0, segment.bytes);
    const before = this.#options.queued();
    const refused: Refused[] = [];
    let damaged = 0;
    let batch: Stretch[] = [];
    for (const stretch of readStretches(content, segment.offset)) {
      if (!stretch.payload) damaged += this.#tellDamage(segment, stretch);
      else batch.push(stretch);
      const wanted = this.#healthy ? this.#batchSize : 1;
      if (batch.length < wanted && stretch.end < content.length) continue;
      const sent = await this.#send(batch);
      refused.push(...sent.refused);
      if (sent.all && refused.length === 0) await this.#advance(segment, stretch.end, batch);
      if (this.#stopped && segment.offset < segment.bytes) return await savePosition(files, segment);
      batch = [];
    }
    if (refused.length > 0) {
      await this.#wait(PAUSE);
      if (this.#options.queued() === before) return;
      for (const one of refused) await this.#keepAside(one);
    }
    await spool.remove(segment, damaged > 0 ? `${segment.path}.damaged` : undefined);
  }

  /** Queues all of the batch, however long it takes, but what is refused for its own sake; less at a stop. */
  async #send(batch: Stretch[]): Promise<{ refused: Refused[]; all: boolean }> {
    let left = batch.map((stretch) => ({
      stretch,
      spooled: decodePayload(stretch.payload as Buffer),
      refusals: 0,
    }));
    const refused: Refused[] = [];
    while (left.length > 0 && !this.#stopped) {
      await this.#wait(this.#nextAt - Date.now());
      const some = this.#healthy ? left : left.slice(0, 1);
      this.#nextAt = Math.max(this.#nextAt, Date.now()) + some.length * this.#perRecord;
      const verdicts = await Promise.all(some.map(({ spooled }) => this.#options.queue(spooled)));
      this.#healthy = !verdicts.some(({ is }) => is === 'unavailable');
      const again = some.filter((item, index) => {
        const verdict = verdicts[index];
        if (verdict?.is === 'queued') this.#options.onEvent?.('drained');
        if (verdict?.is !== 'refused') return verdict?.is === 'unavailable';
        item.refusals += 1;
        if (item.refusals < MAX_REFUSALS) return true;
        refused.push({ ...item, reason: verdict.reason });
        return false;
      });
      left = [...again, ...left.slice(some.length)];
      if (again.length > 0) await this.#wait(PAUSE);
    }
    return { refused, all: left.length === 0 };
  }

  async #advance(segment: Segment, offset: number, batch: Stretch[]): Promise<void> {
    segment.offset = offset;
    segment.records -= batch.length;
    const last = batch.at(-1)?.payload;
    if (last) segment.oldestAt = Date.parse(decodePayload(last).delivery.receivedAt) || segment.oldestAt;
    if (Date.now() < this.#savedAt + SAVE_EVERY) return;
    this.#savedAt = Date.now();
    // Without it more is drained again after a crash, and that is all.
    await savePosition(this.#options.files, segment).catch(() => {});
  }

  #tellDamage({ path: file }: Segment, { start, end }: Stretch): number {
    this.#options.onEvent?.('damaged');
    const kept = `${file}.damaged`;
    this.#options.log.error(
      { file: kept, from: start, to: end },
      'a part of the spool is damaged: deliveries in it are lost unless they can be read from the file that is kept',
    );
    return 1;
  }

  /** Such a file is a segment by another name: named `<12 digits>.spool` it is drained again at the next start. */
  async #keepAside({ stretch, spooled, reason }: Refused): Promise<void> {
    const { files, spool, log, onEvent } = this.#options;
    const { jobId, delivery } = spooled;
    const kept = path.join(spool.folder, `refused-${Date.now()}-${stretch.start}.spool`);
    const file = await files.create(kept);
    try {
      await file.append(stretch.record);
      await file.sync();
      await files.syncFolder(spool.folder);
    } finally {
      await file.close();
    }
    onEvent?.('refused');
    log.error(
      { source: delivery.source, id: delivery.id, jobId, file: kept, reason },
      'the queue refuses a spooled delivery while it takes others: it is kept in a file of its own',
    );
  }

  async #wait(milliseconds: number): Promise<void> {
    if (milliseconds <= 0 || this.#stopped) return;
    await sleep(milliseconds, undefined, { signal: this.#stop.signal, ref: false }).catch(() => {});
  }
}

interface Refused {
  stretch: Stretch;
  spooled: Spooled;
  reason: string;
}
