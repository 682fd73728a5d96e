import type { Finding } from '../../lib/doctor/finding.js';
import { loadContext, type AddCommand } from '../command.js';
import { explained, print } from '../output.js';
import { examine, type DoctorOptions } from './examine.js';

export const addDoctor: AddCommand = (program) => {
  program
    .command('doctor')
    .description('look at everything that a delivery needs; say what is wrong, why it matters and what to do')
    .option('--url <url>', 'the receiver as providers reach it; default: PUBLIC_URL')
    .option('--receiver <url>', 'the receiver as this machine reaches it; default: http://127.0.0.1:PORT')
    .option('--provider-test', 'have Petstore send a sample event, which your handlers take for a real one')
    .option('--wait <duration>', 'how long a worker may take for the test delivery', '10s')
    .option('--min-free <size>', 'disk space that is enough', '1gb')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Run it with the receiver's environment. It sends the receiver a test delivery under a topic of its own, hookline.doctor,
and takes it away again.

Exit code 1 when something is wrong; warnings alone are 0.

Example:
  hookline doctor --url https://hooks.example.com`,
    )
    .action(explained(doctor));
};

async function doctor(options: DoctorOptions): Promise<void> {
  const show = (finding: Finding) => {
    if (!options.json) console.log(describe(finding));
  };
  const findings = await examine(options, loadContext, show);
  const errors = findings.filter(({ level }) => level === 'error').length;
  const warnings = findings.filter(({ level }) => level === 'warn').length;
  if (options.json) print({ ok: errors === 0, errors, warnings, findings });
  else console.log(`\n${errors} errors, ${warnings} warnings, ${findings.length - errors - warnings} well.`);
  if (errors > 0) process.exitCode = 1;
}

function describe({ name, level, found, why, todo }: Finding): string {
  const mark = { ok: 'ok   ', warn: 'WARN ', error: 'ERROR' }[level];
  const first = `${mark}  ${name.padEnd(18)} ${found}`;
  return level === 'ok' ? first : `${first}\n         why:  ${why}\n         todo: ${todo}`;
}
