import { readActivity } from './logs.js';
import type { Project } from './project.js';
import { SOURCES, type Providers } from './providers.js';
import type { Traffic } from './traffic.js';

/** What a sender must be told of a forgery and of a repeat, for every source. Answers what is wrong. */
export async function checkAnswers(traffic: Traffic, providers: Providers): Promise<string[]> {
  const problems: string[] = [];
  for (const source of SOURCES) {
    const forged = await providers.request(source, 0, 'signature');
    const { status } = await traffic.post(forged);
    if (status !== 401 && status !== 403) problems.push(`${source}: a forgery was answered ${status}`);
    const state = await traffic.lookUp(source, forged.id);
    if (state !== '404') problems.push(`${source}: a forgery was stored: ${state}`);

    const request = await providers.request(source, 0);
    const answers = [await traffic.post(request), await traffic.post(request)];
    const outcomes = answers.map(({ body }) => (JSON.parse(body) as { status: unknown }).status).join();
    if (outcomes !== 'accepted,duplicate') problems.push(`${source}: a repeat was answered ${outcomes}`);
  }
  return problems;
}

/** Do all workers run, and do they share the work? Prints who did what. */
export async function checkWorkers(project: Project, expected: number): Promise<string[]> {
  const { handled } = await readActivity(project, 'worker');
  console.table(Array.from(handled, ([worker, events]) => ({ worker, handled: events })));
  const busy = Array.from(handled.values()).filter((events) => events > 0).length;
  return [
    ...(handled.size === expected ? [] : [`${handled.size} of ${expected} workers run`]),
    ...(busy >= 2 ? [] : [`only ${busy} worker handled anything`]),
  ];
}

/** Did every process that was told to stop end in order? */
export async function checkStops(project: Project): Promise<string[]> {
  const problems: string[] = [];
  for (const service of ['receiver', 'worker']) {
    const { begun, orderly } = (await readActivity(project, service)).stops;
    if (begun === 0) problems.push(`${service}: no process was stopped`);
    if (orderly < begun) problems.push(`${service}: ${begun - orderly} of ${begun} did not stop in order`);
  }
  return problems;
}
