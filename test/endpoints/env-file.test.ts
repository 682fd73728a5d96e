import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { addValue, stageEnv } from '../../cli/endpoints/env-file.js';
import { temporaryFolder } from '../support/store.js';

const NAME = 'PETSTORE_WEBHOOK_SECRET';

void t.test('a value is put beside those that are there', async (t) => {
  const cases: Array<[before: string, after: string, others: number]> = [
    ['', `${NAME}=new\n`, 0],
    ['PORT=1', `PORT=1\n${NAME}=new\n`, 0],
    [`${NAME}=\n`, `${NAME}=new\n`, 0],
    [`${NAME}=old\nPORT=1\n`, `${NAME}=old,new\nPORT=1\n`, 1],
    [`export ${NAME} = "a,b" # two\n`, `export ${NAME} ="a,b,new" # two\n`, 2],
    [`${NAME}='a'\n`, `${NAME}='a,new'\n`, 1],
    [`${NAME}=a#b # comment\n`, `${NAME}=a#b,new # comment\n`, 1],
    [`#${NAME}=a\n`, `#${NAME}=a\n${NAME}=new\n`, 0],
    [`MY_${NAME}=a\n`, `MY_${NAME}=a\n${NAME}=new\n`, 0],
    [`${NAME}=a\n${NAME}=b\n`, `${NAME}=a\n${NAME}=b,new\n`, 1],
    [`${NAME}=a,new\n`, `${NAME}=a,new\n`, 1],
    [`${NAME}=$&\n`, `${NAME}=$&,new\n`, 1],
  ];
  for (const [before, after, others] of cases)
    t.same(addValue(before, NAME, 'new'), { text: after, others }, before);
});

void t.test('the file is replaced as a whole, or not at all', async (t) => {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, '.env');
  const fresh = await stageEnv(file, NAME, 'one');
  await fresh.discard();
  t.same(await readdir(folder), [], 'nothing is left of a change that was given up');

  await (await stageEnv(file, NAME, 'one')).commit();
  t.equal(await readFile(file, 'utf8'), `${NAME}=one\n`);
  t.equal((await stat(file)).mode & 0o777, 0o600);

  await writeFile(path.join(folder, 'shared.env'), 'A=1\n', { mode: 0o640 });
  await (await stageEnv(path.join(folder, 'shared.env'), NAME, 'two')).commit();
  t.equal((await stat(path.join(folder, 'shared.env'))).mode & 0o777, 0o640, 'who may read it stays');

  await mkdir(path.join(folder, 'a-folder'));
  await t.rejects(stageEnv(path.join(folder, 'a-folder'), NAME, 'x'), {
    message: /EISDIR.*Nothing was sent/,
  });
  t.same((await readdir(folder)).sort(), ['.env', 'a-folder', 'shared.env']);
});
