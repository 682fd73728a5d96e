import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { TimeLimit } from '../../workers/time-limit.js';

void t.test(
  'what is not counted holds a time, however long it takes, and it goes on after that',
  async (t) => {
    let isOver = false;
    const over = new Promise<void>((resolve) => {
      const time = new TimeLimit(50, new AbortController(), () => {
        isOver = true;
        resolve();
      });
      void Promise.all([time.uncounted(sleep(300)), time.uncounted(sleep(100))]).then(() => t.notOk(isOver));
    });
    await over;
  },
);

void t.test('one that has ended is never over, nor does it begin again', async (t) => {
  let isOver = false;
  const time = new TimeLimit(20, new AbortController(), () => (isOver = true));
  const waiting = time.uncounted(sleep(20));
  time.end();
  await waiting;
  await sleep(100);
  t.notOk(isOver);
});
