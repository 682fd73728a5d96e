/**
 * `npm run test:alerts`: Prometheus' own promtool reads the scrape settings and the rules, and runs the rules' tests.
 * Exit code 0 when all is well, 1 when something is not, 2 without promtool.
 */
import { spawnSync } from 'node:child_process';

const FOLDER = new URL('../../deploy/observability/', import.meta.url);
const CHECKS = [
  ['check', 'config', 'prometheus.yml'],
  ['check', 'rules', 'hookline.rules.yml'],
  ['test', 'rules', 'hookline.test.yml'],
];
const MISSING =
  "promtool is not installed, so the alerts were not checked. It is part of Prometheus (Debian's package prometheus).";

for (const args of CHECKS) {
  const { error, status } = spawnSync('promtool', args, { cwd: FOLDER, stdio: 'inherit', timeout: 60_000 });
  if (error && 'code' in error && error.code === 'ENOENT') {
    console.error(MISSING);
    process.exit(2);
  }
  if (error) throw error;
  if (status !== 0) {
    console.error(`promtool ${args.join(' ')} failed`);
    process.exit(1);
  }
}
