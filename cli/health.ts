import { loadContext, CommandError, type AddCommand } from './command.js';

const DEADLINE = 3_000;

export const addHealth: AddCommand = (program) => {
  program
    .command('health')
    .description('asks the Hookline of this environment whether it is well: for container health checks')
    .action(async () => {
      const { settings } = await loadContext();
      const works = settings.ROLE === 'worker';
      const port = works ? settings.WORKER_PORT : settings.PORT;
      if (port === undefined) throw new CommandError('Set WORKER_PORT: a worker without it answers no one.');
      const url = `http://127.0.0.1:${port}/health/${works ? 'live' : 'ready'}`;
      const response = await fetch(url, { signal: AbortSignal.timeout(DEADLINE) }).catch(() => undefined);
      const text = (await response?.text()) ?? `nothing answers on port ${port}`;
      if (!response?.ok) throw new CommandError(text);
      console.log(text);
    });
};
