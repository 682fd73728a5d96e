import type { AddCommand } from './command.js';

export const addStart: AddCommand = (program) => {
  program
    .command('start')
    .description('receive, work or both, by ROLE: the same as npm start')
    .action(async () => {
      await import('../server.js');
    });
};
