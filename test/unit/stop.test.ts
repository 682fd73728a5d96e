import t from 'tap';
import { Stop } from '../../workers/stop.js';

void t.test('a stop ends each attempt in hand once, and what comes after it at once', async (t) => {
  const controller = new AbortController();
  const stop = new Stop(controller.signal);
  const ended: string[] = [];
  const ends = ['a', 'b', 'c', 'd'].map(
    (name) => (reason: Error) => void ended.push(`${name}: ${reason.message}`),
  );
  for (const end of ends) stop.add(end);
  stop.remove(ends[1]!);
  stop.remove(ends[1]!);
  stop.remove(ends[3]!);

  controller.abort(new Error('going'));
  t.same(ended.toSorted(), ['a: going', 'c: going']);

  stop.add(ends[3]!);
  t.same(ended.at(-1), 'd: going');
  stop.remove(ends[3]!);
  t.equal(ended.length, 3);
});

void t.test('also an attempt that ends another one is no trouble', async (t) => {
  const controller = new AbortController();
  const stop = new Stop(controller.signal);
  let ended = 0;
  const end = () => {
    ended += 1;
    stop.remove(end);
  };
  stop.add(end);
  stop.add(() => void (ended += 1));
  controller.abort(new Error('going'));
  t.equal(ended, 2);
});
