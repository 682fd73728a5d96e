/** `/admin`: the operator's page. Its files are read once, at start, and served by name: no path is ever built of a URL. */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HooklineError } from '../lib/errors.js';

export interface AdminPageOptions {
  /** Says so in the page; the guard is what refuses. */
  readOnly: boolean;
}

interface Asset {
  body: Buffer;
  type: string;
  etag: string;
}

/** The same for the code as built and for the sources, which take the page as it was built last. */
const BUILT = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../dist/admin/' : '../admin/', import.meta.url),
);
const { resolve } = createRequire(import.meta.url);
const beside = (module: string, file: string) => path.join(path.dirname(resolve(module)), file);
/** Single files of the libraries, as they are published. */
const LIBRARIES: Record<string, string> = {
  'preact.js': resolve('preact'),
  'preact-hooks.js': resolve('preact/hooks'),
  'htm.js': beside('htm', 'htm.mjs'),
  'uplot.js': beside('uplot', 'uPlot.esm.js'),
  'uplot.css': beside('uplot', 'uPlot.min.css'),
};

const TYPES: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.html': 'text/html; charset=utf-8',
};

const PAGES = ['/admin', '/admin/deliveries', '/admin/deliveries/:source/:id'];

export default async function adminPage(fastify: FastifyInstance, { readOnly }: AdminPageOptions) {
  const settings = { readOnly, sources: [...fastify.queues.keys()].sort() };
  const [page, assets] = await Promise.all([readPage(settings), readAssets()]);
  const policy = securityPolicy(page.body.toString());

  // After the guard's own, which the dashboard beside this page needs looser.
  fastify.addHook('onSend', async (_request, reply) => {
    reply.header('content-security-policy', policy);
    // Files hold nothing that anybody may not see; what the API answers is not kept.
    if (reply.hasHeader('etag')) reply.header('cache-control', 'no-cache');
  });

  for (const url of PAGES) fastify.get(url, async (_request, reply) => reply.type(page.type).send(page.body));
  fastify.get<{ Params: { name: string } }>('/admin/assets/:name', async (request, reply) => {
    const asset = assets.get(request.params.name);
    if (!asset) throw new HooklineError('HKL_ERR_NOT_FOUND');
    return send(request, reply, asset);
  });
}

function send(request: FastifyRequest, reply: FastifyReply, { body, type, etag }: Asset) {
  reply.header('etag', etag);
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  return reply.type(type).send(body);
}

async function readPage(settings: object): Promise<Asset> {
  const text = await readFile(path.join(BUILT, 'index.html'), 'utf8').catch((error: Error) => {
    throw new Error('The page of /admin is not built: run `npm run build`.', { cause: error });
  });
  const told = JSON.stringify(settings).replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  return toAsset('index.html', Buffer.from(text.replace('{{settings}}', () => told)));
}

async function readAssets(): Promise<Map<string, Asset>> {
  const names = (await readdir(BUILT)).filter((name) => ['.js', '.css', '.svg'].includes(path.extname(name)));
  const own = names.map((name) => [name, path.join(BUILT, name)] as const);
  const files = [...own, ...Object.entries(LIBRARIES)];
  return new Map(
    await Promise.all(
      files.map(async ([name, file]) => [name, toAsset(name, await readFile(file))] as const),
    ),
  );
}

function toAsset(name: string, body: Buffer): Asset {
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  return { body, type: TYPES[path.extname(name)] ?? 'application/octet-stream', etag };
}

/**
 * Nothing from elsewhere, no script but the files and the import map, which is allowed by its hash as it can be
 * in no file. Trusted types: no text becomes HTML, whatever a delivery holds.
 */
function securityPolicy(page: string): string {
  const [, importMap = ''] = /<script type="importmap">([^]*?)<\/script>/.exec(page) ?? [];
  const hash = createHash('sha256').update(importMap).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}
