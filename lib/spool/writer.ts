import path from 'node:path';
import type { SpoolFile, SpoolFiles } from './files.js';
import { segmentPath, type Segment } from './segment.js';

export interface WriterOptions {
  folder: string;
  files: SpoolFiles;
  /** Bytes from which on a segment takes no more. */
  segmentSize: number;
  /** The number of the first segment. */
  next: number;
  /** Told of each segment that takes no more; it holds at least one record. */
  onSealed: (segment: Segment) => void;
  /** Told how long each sync took, in seconds. */
  onSync: (seconds: number) => void;
}

/** A record to write, and when its delivery was received. */
export interface Writable {
  bytes: Buffer;
  at: number;
}

/** Appends batches of records to segments, each batch with one write and one sync. One batch at a time. */
export class SegmentWriter {
  readonly #options: WriterOptions;
  #next: number;
  #active: { file: SpoolFile; segment: Segment } | undefined;
  #writing = false;
  #sealAfterwards = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#next = options.next;
  }

  /**
   * Resolves when the records are on the disk, all of them. A write or sync that failed is never tried again on the
   * same file, as the kernel may call the second sync a success without having written: the file is cut back to its
   * last good end and left, and the next batch opens another.
   * @throws what the file system does; then the records count as not written
   */
  async write(records: Writable[]): Promise<void> {
    this.#writing = true;
    try {
      const { file, segment } = (this.#active ??= await this.#create());
      await this.#append(file, records);
      if (segment.records === 0) segment.oldestAt = Math.min(...records.map(({ at }) => at));
      segment.bytes += sizeOf(records);
      segment.records += records.length;
      if (segment.bytes >= this.#options.segmentSize) this.#sealAfterwards = true;
    } catch (error) {
      await this.#cutBack();
      throw error;
    } finally {
      this.#writing = false;
      if (this.#sealAfterwards) await this.#seal();
    }
  }

  /** Ends the segment that is being written, so that it can be drained: now, or after the write under way. */
  async seal(): Promise<void> {
    this.#sealAfterwards = true;
    if (!this.#writing) await this.#seal();
  }

  get active(): Segment | undefined {
    return this.#active?.segment;
  }

  async #create(): Promise<{ file: SpoolFile; segment: Segment }> {
    const { folder, files } = this.#options;
    const file = segmentPath(folder, this.#next);
    const opened = await files.create(file);
    this.#next += 1;
    try {
      // Else a power cut may take the name, and all that is in the file with it.
      await files.syncFolder(path.dirname(file));
    } catch (error) {
      await opened.close().catch(() => {});
      await files.remove(file).catch(() => {});
      throw error;
    }
    return { file: opened, segment: { path: file, bytes: 0, offset: 0, records: 0, oldestAt: 0 } };
  }

  async #append(file: SpoolFile, records: Writable[]): Promise<void> {
    await file.append(Buffer.concat(records.map(({ bytes }) => bytes)));
    const began = performance.now();
    await file.sync();
    this.#options.onSync((performance.now() - began) / 1_000);
  }

  async #cutBack(): Promise<void> {
    const active = this.#active;
    if (!active) return;
    // What cannot be cut off is read as torn at the next start, or queued although it was answered 503.
    await active.file.truncate(active.segment.bytes).catch(() => {});
    this.#sealAfterwards = true;
  }

  async #seal(): Promise<void> {
    this.#sealAfterwards = false;
    const active = this.#active;
    this.#active = undefined;
    if (!active) return;
    if (active.segment.records > 0) this.#options.onSealed(active.segment);
    else await this.#options.files.remove(active.segment.path).catch(() => {});
    await active.file.close().catch(() => {});
  }
}

export function sizeOf(records: Writable[]): number {
  return records.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
