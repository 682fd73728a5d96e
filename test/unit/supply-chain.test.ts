/** What is installed: pinned, with a checksum, and without a script of its own that would run. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import t from 'tap';

interface Locked {
  version: string;
  integrity?: string;
  resolved?: string;
  dev?: boolean;
  optional?: boolean;
  devOptional?: boolean;
  hasInstallScript?: boolean;
}

const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
const packages = Object.entries(lock.packages).filter(([name]) => name !== '');
const inImage = packages.filter(([, { dev, optional, devOptional }]) => !dev && !optional && !devOptional);

void t.test('every package has a checksum', async (t) => {
  t.ok(packages.length > 300);
  t.same(
    packages.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([name]) => name),
    [],
  );
});

void t.test('nothing in the image runs a script when it is installed', async (t) => {
  t.ok(inImage.length > 50);
  t.same(
    inImage.filter(([, { hasInstallScript }]) => hasInstallScript).map(([name]) => name),
    [],
  );
});

void t.test('the image is installed without scripts, and runs as nobody in particular', async (t) => {
  const dockerfile = await readFile('Dockerfile', 'utf8');
  const installs = dockerfile.match(/npm ci.*/g) ?? [];
  t.equal(installs.length, 2);
  for (const install of installs) t.match(install, '--ignore-scripts');
  const [, last = ''] = dockerfile.split(/^FROM base$/m);
  t.match(last, /^USER node$/m);
  t.match(last, /--shell \/usr\/sbin\/nologin node/, 'a user without a shell');
  t.notMatch(dockerfile, /^(?:ENV|ARG) .*(?:SECRET|PASSWORD|TOKEN)/m, 'no secret is in a layer');
});

void t.test('the bill of materials names all that is in the image', async (t) => {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as {
    scripts: Record<string, string>;
  };
  const [command = ''] = (scripts['sbom'] ?? '').split(' > ');
  const { stdout } = await promisify(execFile)('npm', command.split(' ').slice(1), {
    maxBuffer: 64 * 1024 ** 2,
  });
  const bill = JSON.parse(stdout) as {
    bomFormat: string;
    components: Array<{
      name: string;
      version: string;
      purl: string;
      hashes?: unknown[];
      properties?: Array<{ name: string }>;
    }>;
  };
  t.equal(bill.bomFormat, 'CycloneDX');
  // What is for development only is marked as such.
  const used = bill.components.filter(
    ({ properties }) => !properties?.some(({ name }) => name === 'cdx:npm:package:development'),
  );
  t.ok(
    used.length < bill.components.length / 2,
    `${used.length} of ${bill.components.length} are not for development`,
  );
  const named = new Set(used.map(({ name, version }) => `${name}@${version}`));
  for (const [path, { version }] of inImage) {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    t.ok(named.has(`${name}@${version}`), `${name}@${version}`);
  }
  t.ok(bill.components.every(({ purl, hashes }) => purl.startsWith('pkg:npm/') && hashes?.length));
});
