/** The limit of connections that each of several processes on one port keeps by itself. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { destroyAbove } from '../../lib/connection-limit.js';
import { until } from '../support/deliveries.js';

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n';

void t.test('connections above a limit are closed without an answer, until there is room', async (t) => {
  const server = createServer((_request, response) => response.end('well'));
  let destroyed = 0;
  destroyAbove(server, 1, () => (destroyed += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;

  /** What a connection of its own is answered; empty where it is closed. */
  const ask = async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`${REQUEST}Connection: close\r\n\r\n`);
    return text(socket).catch(() => '');
  };
  const kept = connect(port, '127.0.0.1');
  kept.write(`${REQUEST}\r\n`);
  t.match(String((await once(kept, 'data'))[0]), 'well');
  t.equal(await ask(), '');
  t.equal(await ask(), '', 'one that was closed leaves no room');
  t.equal(destroyed, 2);

  kept.destroy();
  await until('there to be room', async () => /well/.test(await ask()));
});
