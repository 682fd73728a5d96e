import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = new URL('../../', import.meta.url);
/** Of one command's output. */
const MAX_OUTPUT = 256 * 1024 ** 2;
const MINUTE = 60_000;

/** A running compose project, driven by whichever Compose this machine has. */
export interface Project {
  /** The command line of this project, for people. */
  command: string;
  /** Runs a Compose command and answers its standard output. @throws with its output when it fails */
  compose(...args: string[]): Promise<string>;
  /** Ids of a service's running containers. */
  containers(service: string): Promise<string[]>;
  /** Address of this machine that the project's containers reach, once it has a network. */
  gateway(): Promise<string>;
  /** Everything that a container has logged since it was made. */
  logs(container: string): Promise<string>;
}

/**
 * @param files the settings, and what is laid over docker-compose.yml
 * @param profiles of docker-compose.yml that are started as well
 */
export async function openProject(
  name: string,
  { envFile, overrideFile }: { envFile: string; overrideFile: string },
  profiles: string[] = [],
): Promise<Project> {
  const [program = '', ...prefix] = await findCompose();
  const files = ['-f', 'docker-compose.yml', '-f', overrideFile, '--env-file', envFile];
  const global = [...prefix, '-p', name, ...files, ...profiles.flatMap((one) => ['--profile', one])];
  return {
    command: [program, ...global].join(' '),
    compose: (...args) => execute(program, [...global, ...args]),
    async containers(service) {
      const labels = { project: name, service };
      const filters = Object.entries(labels).flatMap(([key, value]) => [
        '--filter',
        `label=com.docker.compose.${key}=${value}`,
      ]);
      return (await execute('docker', ['ps', '-q', ...filters])).split('\n').filter(Boolean);
    },
    async gateway() {
      const format = '{{(index .IPAM.Config 0).Gateway}}';
      const network = `${name}_default`;
      return (await execute('docker', ['network', 'inspect', network, '--format', format])).trim();
    },
    logs: (container) => execute('docker', ['logs', container]),
  };
}

async function findCompose(): Promise<string[]> {
  const candidates = [['docker', 'compose'], ['docker-compose']];
  for (const [program = '', ...args] of candidates) {
    const found = await execute(program, [...args, 'version']).catch(() => undefined);
    if (found !== undefined) return [program, ...args];
  }
  throw new Error('Neither docker compose nor docker-compose is installed.');
}

/** Variables of this shell must not reach the containers: only what programs themselves need is handed on. */
function environment(): NodeJS.ProcessEnv {
  const wanted = Object.entries(process.env).filter(([name]) => /^(?:PATH|HOME|DOCKER_\w+)$/.test(name));
  return Object.fromEntries(wanted);
}

async function execute(program: string, args: string[]): Promise<string> {
  try {
    const options = { cwd: ROOT, env: environment(), timeout: 20 * MINUTE, maxBuffer: MAX_OUTPUT };
    return (await run(program, args, options)).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const tail = `${stdout}\n${stderr}`.split('\n').slice(-40).join('\n');
    throw new Error(`${program} ${args.join(' ')} failed:\n${tail}`, { cause: error });
  }
}
