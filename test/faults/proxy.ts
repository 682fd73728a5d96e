/** The way from a Hookline to its Redis, and all that can happen on it. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Owner } from '../support/store.js';

/**
 * `pass` all; `freeze`: nothing moves, both ways; `drop-replies`: requests arrive, and no reply comes back. `cut-inside`
 * passes half of the next request of each connection, and cuts it.
 */
export type ProxyMode = 'pass' | 'freeze' | 'drop-replies' | 'cut-inside';

export interface Proxy {
  url: string;
  mode: ProxyMode;
  /** Milliseconds by which replies are late. */
  delay: number;
  /** Cuts every connection; new ones are taken. */
  cut(): void;
}

/** Opens a proxy to a Redis on 127.0.0.1; it ends with its owner. */
export async function openProxy(owner: Owner, target: number): Promise<Proxy> {
  const pairs = new Set<[near: Socket, far: Socket]>();
  const proxy: Proxy = {
    url: '',
    mode: 'pass',
    delay: 0,
    cut: () => pairs.forEach((pair) => pair.forEach((socket) => socket.destroy())),
  };
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) socket.on('error', () => {}).on('close', end);
    near.on('data', (chunk) => {
      if (proxy.mode === 'freeze') return;
      if (proxy.mode === 'cut-inside') far.write(chunk.subarray(0, chunk.length >> 1), end);
      else far.write(chunk);
    });
    // In their order, whatever the delay has become meanwhile: on one connection nothing overtakes.
    let passed = Promise.resolve();
    const passOn = async (before: Promise<void>, at: number, chunk: Buffer) => {
      await before;
      if (at > performance.now()) await sleep(at - performance.now());
      if (near.writable) near.write(chunk);
    };
    far.on('data', (chunk) => {
      if (proxy.mode === 'freeze' || proxy.mode === 'drop-replies') return;
      passed = passOn(passed, performance.now() + proxy.delay, chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  proxy.url = `redis://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  owner.teardown(async () => {
    const closed = once(server, 'close');
    server.close();
    proxy.cut();
    await closed;
  });
  return proxy;
}
