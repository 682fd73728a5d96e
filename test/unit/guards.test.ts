/** `npm run test:guards` takes guards out of the code one by one; here it is seen that each is still where it says. */
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { guards } from '../mutation/guards.js';

t.ok(guards.length > 70, `${guards.length} guards`);
for (const { name, changes, tests } of guards) {
  for (const { file, from } of changes)
    t.equal(readFileSync(file, 'utf8').split(from).length - 1, 1, `${name}: once in ${file}`);
  for (const file of tests) t.ok(existsSync(file), `${name}: ${file}`);
}
