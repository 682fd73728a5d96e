/** Connections that rest are read again in their order, a few in each turn of the event loop. */
import { once } from 'node:events';
import net from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { Resting } from '../../lib/resting.js';
import { until } from '../support/deliveries.js';

/** Connected pairs on loopback; `heard` has the index of each of our ends that was read something from. */
async function connect(t: Test, count: number) {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ours: net.Socket[] = [];
  server.on('connection', (socket) => ours.push(socket));
  const theirs: net.Socket[] = [];
  t.teardown(() => {
    for (const socket of [...ours, ...theirs]) socket.destroy();
    server.close();
  });
  const { port } = server.address() as net.AddressInfo;
  for (let made = 0; made < count; made += 1) {
    theirs.push(net.connect(port, '127.0.0.1'));
    if (ours.length <= made) await once(server, 'connection');
  }
  const heard: number[] = [];
  ours.forEach((socket, index) => socket.on('data', () => heard.push(index)));
  return { ours, theirs, heard };
}

void t.test('a few in each turn, first come first', async (t) => {
  const { ours, theirs, heard } = await connect(t, 200);
  const turns: number[] = [];
  const resting = new Resting((milliseconds) => turns.push(milliseconds));
  t.teardown(() => resting.close());
  for (const socket of ours) resting.rest(socket);
  await Promise.all(theirs.map((socket) => new Promise((resolve) => socket.write('x', resolve))));
  const most: number[] = [];
  while (heard.length < 200) {
    const before = heard.length;
    await turn();
    most.push(heard.length - before);
  }
  t.ok(Math.max(...most) <= 128, `${Math.max(...most)} in a turn`);
  t.ok(turns.length >= 4, `${turns.length} turns for 200`);
  const place = (index: number) => heard.indexOf(index);
  t.ok(place(0) < place(199), 'in their order');
  const after = turns.length;
  await sleep(20);
  t.ok(turns.length <= after + 2, 'none are counted when nobody rests');
});

void t.test(
  "a connection whose requests came many at once has one place, and not the others' places",
  async (t) => {
    const { ours, theirs, heard } = await connect(t, 2);
    let turns = 0;
    const resting = new Resting(() => (turns += 1));
    t.teardown(() => resting.close());
    const [many, other] = [ours[0] as net.Socket, ours[1] as net.Socket];
    for (let request = 0; request < 1_000; request += 1) resting.rest(many);
    resting.rest(other);
    for (const socket of theirs) socket.write('x');
    await until('both to be read', () => new Set(heard).size === 2);
    t.ok(turns <= 2, `${turns} turns`);
  },
);

void t.test('what came during a long rest has waited, what comes later has not', async (t) => {
  const { ours, theirs } = await connect(t, 1);
  const [socket, sender] = [ours[0] as net.Socket, theirs[0] as net.Socket];
  const resting = new Resting(() => {});
  t.teardown(() => resting.close());
  const waited: boolean[] = [];
  socket.on('data', () => waited.push(resting.hasWaited(socket)));
  const restFor = (milliseconds: number) => {
    resting.rest(socket);
    sender.write('x');
    const end = performance.now() + milliseconds;
    // Turns of the event loop end a rest: so long a turn is a long rest.
    while (performance.now() < end);
  };
  restFor(60);
  await until('it to be read', () => waited.length === 1);
  await turn();
  sender.write('x');
  await until('it to be read', () => waited.length === 2);
  t.same(waited, [true, false]);
});

void t.test('a connection that closes while it rests', async (t) => {
  const { ours, heard, theirs } = await connect(t, 2);
  const resting = new Resting(() => {});
  t.teardown(() => resting.close());
  for (const socket of ours) resting.rest(socket);
  ours[0]?.destroy();
  theirs[1]?.write('x');
  await until('the other to be read', () => heard.includes(1));
  resting.rest(ours[0] as net.Socket);
  t.same(heard, [1]);
});

void t.test('at the end all are read', async (t) => {
  const { ours, theirs, heard } = await connect(t, 100);
  const resting = new Resting(() => {});
  for (const socket of ours) resting.rest(socket);
  resting.close();
  for (const socket of theirs) socket.write('x');
  await until('all of them', () => heard.length === 100);
  t.equal(new Set(heard).size, 100);
});
