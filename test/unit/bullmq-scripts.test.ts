import t from 'tap';
import { bullFunction } from '../../lib/deliveries/bull-scripts.js';
import { BullMqFormError, checkKeys, scriptOf, withReplaced } from '../../lib/queue/bullmq-scripts.js';

const script = { name: 'sample', content: "local a = KEYS[1] -- 'wait'\nlocal b = a" };

void t.test('each text that is replaced must be there once', async (t) => {
  const { name, content } = withReplaced(script, ['local a', 'local c'], ['= a', '= c .. "$&"']);
  t.equal(name, 'sample');
  t.equal(content, 'local c = KEYS[1] -- \'wait\'\nlocal b = c .. "$&"');
  for (const text of ['local', 'local c']) {
    t.throws(() => withReplaced(script, [text, '']), {
      name: 'BullMqFormError',
      message: new RegExp(`script sample .*once: ${text}`),
    });
  }
});

void t.test('a script with other keys or arguments is not taken', async (t) => {
  const promote = scriptOf('promote', 9);
  checkKeys(promote, ['delayed', 'wait']);
  t.throws(() => checkKeys(promote, ['delayed', 'active']), /promote .*key 2 is not active/);
  t.throws(() => scriptOf('promote', 8), BullMqFormError);
  t.throws(() => scriptOf('demote', 9), /no keys instead of 9/);
  t.match(bullFunction('remove', 'removeJob', ['jobKey', 'repeat key'], 3), /^local function remove\(/);
  t.throws(() => bullFunction('remove', 'removeJob', ['jobKey'], 3), BullMqFormError);
  t.throws(() => bullFunction('remove', 'removeJob', ['jobKey', 'wait'], 3), BullMqFormError);
  for (const args of [2, 4]) {
    t.throws(() => bullFunction('remove', 'removeJob', ['jobKey', 'repeat key'], args), /removeJob/);
  }
});
