import v8 from 'node:v8';

/**
 * Keeps what a request makes among young garbage, where it costs next to nothing to be rid of it. To be called before the
 * process has much to do.
 *
 * V8 watches what each place of the code makes: what nearly always lives on, it makes among the old from then on, for good. Where
 * many connections come at once, that is the list of listeners of a socket (`node:events`); the same place makes the list of
 * each response, and each of those then keeps its request until the next full collection: docs/decisions/0017-accept-path-cpu.md.
 */
export function keepGarbageYoung(): void {
  v8.setFlagsFromString('--no-allocation-site-pretenuring');
}
