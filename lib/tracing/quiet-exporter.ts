import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Log } from '../log.js';

const MAX_REASON = 200;

/** Says once that the collector does not take spans, and once that it does again. What it did not take is gone. */
export class QuietExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #log: Log;
  #lost = 0;

  constructor(exporter: SpanExporter, log: Log) {
    this.#exporter = exporter;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      if (result.code === ExportResultCode.SUCCESS) this.#sent();
      else this.#failed(spans.length, result.error);
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }

  #sent(): void {
    if (this.#lost > 0) this.#log.info({ lost: this.#lost }, 'the collector takes traces again');
    this.#lost = 0;
  }

  #failed(spans: number, error: Error | undefined): void {
    if (this.#lost === 0) {
      const reason = (error?.message || error?.name || 'unknown').slice(0, MAX_REASON);
      this.#log.warn({ reason }, 'the collector does not take traces; nothing else depends on it');
    }
    this.#lost += spans;
  }
}
