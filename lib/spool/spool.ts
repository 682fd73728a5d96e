/**
 * Keeps verified deliveries on the local disk while Redis cannot take them: append-only segments in a slot of
 * `DATA_DIR/spool` that this process alone holds. docs/decisions/0010-spool.md tells why it is made so.
 */
import { Batcher } from '../batcher.js';
import { withDeadline } from '../deadline.js';
import { UnavailableError } from '../errors.js';
import type { Log } from '../log.js';
import { DiskState } from './disk-state.js';
import { realFiles, type SpoolFiles } from './files.js';
import { encodeRecord, type Spooled } from './record.js';
import type { Segment } from './segment.js';
import { takeFirstSlot, takeLeftovers, type Slot, type SlotOptions } from './slot.js';
import { SegmentWriter, type Writable } from './writer.js';

export interface SpoolOptions {
  dataDir: string;
  prefix: string;
  /** Bytes on the disk, of all segments that this process holds. */
  max: number;
  /** Milliseconds that a delivery may take to be on the disk. */
  writeTimeout: number;
  log: Log;
  files?: SpoolFiles;
  onEvent?: (event: SpoolEvent) => void;
  onSync?: (seconds: number) => void;
}

/** What is counted: `torn` records were never answered for; `damaged` and `refused` ones are kept in files aside. */
export type SpoolEvent = 'written' | 'drained' | 'refused' | 'torn' | 'damaged';

export interface SpoolStatus {
  /** `ok`, `full`, or why nothing can be written. */
  state: string;
  bytes: number;
  /** Deliveries that wait. */
  events: number;
  /** Age of the oldest of them; 0 where there is none. */
  oldestSeconds: number;
}

const MAX_SEGMENT = 16 * 1024 ** 2;
/** Segments are removed as a whole: of a small spool too, most must be there to be freed. */
const LEAST_SEGMENTS = 8;
const LIMITS = { maxBatch: 500, maxWaiting: 10_000 };

export class Spool {
  readonly #options: SpoolOptions & { files: SpoolFiles };
  readonly #slots: Slot[];
  readonly #writer: SegmentWriter;
  readonly #batcher: Batcher<Writable, void>;
  /** Bytes that are accepted for writing and not yet in a segment. */
  #pending = 0;
  readonly #disk: DiskState;
  /** Was there no room for the last delivery, and has none been made since? */
  #full = false;
  #inUse = false;
  #closed = false;

  /** @throws {SpoolError} when there is no slot to be had */
  static async open(options: SpoolOptions): Promise<Spool> {
    const all = { ...options, files: options.files ?? realFiles };
    return new Spool(all, await takeFirstSlot(slotOptions(all)));
  }

  private constructor(options: SpoolOptions & { files: SpoolFiles }, slot: Slot) {
    this.#options = options;
    this.#slots = [slot];
    this.#disk = new DiskState(slot.folder, options);
    this.#writer = new SegmentWriter({
      folder: slot.folder,
      files: options.files,
      segmentSize: Math.min(MAX_SEGMENT, options.max / LEAST_SEGMENTS),
      next: slot.next,
      onSealed: (segment) => slot.segments.push(segment),
      onSync: options.onSync ?? (() => {}),
    });
    this.#batcher = new Batcher((records) => this.#write(records), LIMITS);
    this.#tellUse();
  }

  /**
   * Resolves when the delivery is on the disk.
   * @throws {UnavailableError} when there is no room, or the disk does not take it in time
   */
  async append(spooled: Spooled): Promise<void> {
    if (this.#closed) throw unavailable('the spool is closed');
    const { failure } = this.#disk;
    if (failure) throw unavailable(`the spool cannot be written: ${failure}`);
    const bytes = encodeRecord(spooled);
    this.#full = this.#bytes() + this.#pending + bytes.length > this.#options.max;
    if (this.#full) throw unavailable('the spool is full');
    this.#pending += bytes.length;
    const written = this.#batcher.push({ bytes, at: Date.parse(spooled.delivery.receivedAt) });
    const settled = written.finally(() => (this.#pending -= bytes.length));
    await withDeadline(settled, this.#options.writeTimeout).catch((error: unknown) => {
      throw error instanceof UnavailableError ? error : unavailable(error);
    });
    this.#options.onEvent?.('written');
  }

  /** The segment to drain next. Where only the one that is being written is left, it is ended for that. */
  async front(): Promise<Segment | undefined> {
    const sealed = this.#slots.flatMap(({ segments }) => segments);
    if (sealed.length === 0 && this.#writer.active) await this.#writer.seal();
    const [oldest] = sealed.toSorted(
      (a, b) => (a.triedAt ?? 0) - (b.triedAt ?? 0) || a.oldestAt - b.oldestAt,
    );
    return oldest ?? this.#slots[0]?.segments[0];
  }

  /** Forgets a segment that is drained: its file is removed, or kept under another name. */
  async remove(segment: Segment, keepAs?: string): Promise<void> {
    const { files } = this.#options;
    for (const slot of this.#slots) slot.segments = slot.segments.filter((other) => other !== segment);
    if (keepAs) await files.rename(segment.path, keepAs);
    else await files.remove(segment.path);
    this.#full = false;
    await this.#leaveEmptySlots();
    this.#tellUse();
  }

  /** Looks for what other processes left since; a slot of a live process is left alone. */
  async adopt(): Promise<void> {
    const found = await takeLeftovers(slotOptions(this.#options), this.#slots);
    if (this.#closed) return void (await Promise.all(found.map(({ lock }) => lock.release())));
    this.#slots.push(...found);
    this.#tellUse();
  }

  get isEmpty(): boolean {
    return this.#segments().every(({ records }) => records === 0);
  }

  status(): SpoolStatus {
    const segments = this.#segments().filter(({ records }) => records > 0);
    const bytes = this.#bytes();
    const oldest = Math.min(...segments.map(({ oldestAt }) => oldestAt));
    return {
      state: this.#disk.failure ? `cannot write (${this.#disk.failure})` : this.#full ? 'full' : 'ok',
      bytes,
      events: segments.reduce((sum, { records }) => sum + records, 0),
      oldestSeconds: segments.length === 0 ? 0 : Math.max(0, Math.round((Date.now() - oldest) / 1_000)),
    };
  }

  /** Where records are kept that Redis will not have. */
  get folder(): string {
    return this.#slots[0]?.folder ?? '';
  }

  /** Ends what is being written and lets go of the slots. What is left is drained by whoever takes them next. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#disk.close();
    await this.#batcher.idle();
    await this.#writer.seal();
    const { events } = this.status();
    if (events > 0) this.#options.log.warn({ events }, 'deliveries stay in the spool until the next start');
    await Promise.all(this.#slots.map(({ lock }) => lock.release()));
  }

  async #write(records: Writable[]): Promise<void[]> {
    try {
      await this.#writer.write(records);
    } catch (error) {
      this.#disk.fail(error);
      throw unavailable(error);
    }
    this.#tellUse();
    return records.map(() => undefined);
  }

  async #leaveEmptySlots(): Promise<void> {
    const empty = this.#slots.slice(1).filter(({ segments }) => segments.length === 0);
    for (const slot of empty) {
      this.#slots.splice(this.#slots.indexOf(slot), 1);
      await slot.lock.release();
    }
  }

  #segments(): Segment[] {
    const { active } = this.#writer;
    const sealed = this.#slots.flatMap(({ segments }) => segments);
    return active ? [...sealed, active] : sealed;
  }

  #bytes(): number {
    return this.#segments().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** One line when it comes into use, one when it is drained. */
  #tellUse(): void {
    const { bytes, events, oldestSeconds } = this.status();
    if (events > 0 === this.#inUse) return;
    this.#inUse = events > 0;
    if (this.#inUse) {
      this.#options.log.warn(
        { bytes, events, oldestSeconds },
        'the spool is in use: deliveries wait on the disk',
      );
    } else {
      this.#options.log.info({}, 'the spool is drained: all of it is queued');
    }
  }
}

function slotOptions({
  dataDir,
  prefix,
  files,
  log,
  onEvent,
}: SpoolOptions & { files: SpoolFiles }): SlotOptions {
  return { dataDir, prefix, files, log, onTorn: () => onEvent?.('torn') };
}

function unavailable(cause: unknown): UnavailableError {
  return new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', cause);
}
