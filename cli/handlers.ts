import { loadContext, type AddCommand } from './command.js';

export const addHandlers: AddCommand = (program) => {
  program
    .command('handlers')
    .description('the handlers that would be used, the most specific first; fails as a start would')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { settings, definitions } = await loadContext();
      // What only this command needs: the others should not wait for it.
      const { loadRegistry } = await import('../workers/runtime.js');
      const rows = (await loadRegistry(settings, definitions)).list().map(({ handler, file }) => ({
        source: handler.source,
        topic: handler.topic,
        subTopic: handler.subTopic ?? '',
        tenantId: handler.tenantId ?? '',
        attempts: handler.attempts,
        timeout: handler.timeout,
        file,
      }));
      if (json) console.log(JSON.stringify(rows, null, 2));
      else console.table(rows);
    });
};
