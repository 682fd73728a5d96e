/** Headless Chromium, and what a page must never do in it: ask another host, or complain in the console. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium, type BrowserContextOptions, type Page } from 'playwright-core';
import type { Owner } from '../support/owner.js';

/** Debian's; `CHROMIUM` names another. */
export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
export const hasChromium = (): boolean => existsSync(CHROMIUM);

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Milliseconds for anything that is waited for. */
const LIMIT = 30_000;

export interface Chromium {
  /** A page in a browser of its own, of a width and a colour scheme. */
  open(options?: BrowserContextOptions): Promise<Page>;
  /** Errors and warnings of every page's console. */
  complaints: string[];
  /** Requests to hosts that are none of ours. */
  elsewhere: string[];
}

/** Starts a browser for the pages of these addresses; it ends with its owner. */
export async function startChromium(t: Owner, addresses: string[]): Promise<Chromium> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
  t.teardown(() => browser.close());
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  return {
    complaints,
    elsewhere,
    async open(options = {}) {
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
      page.setDefaultTimeout(LIMIT);
      page.on('console', (message) => {
        if (message.type() !== 'error' && message.type() !== 'warning') return;
        complaints.push(`${message.text()} (${message.location().url})`);
      });
      page.on('pageerror', (error) => void complaints.push(String(error)));
      page.on('request', (request) => {
        if (!addresses.some((address) => request.url().startsWith(`${address}/`)))
          elsewhere.push(request.url());
      });
      return page;
    },
  };
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Accessibility violations of a page that are serious or worse, each with where it is. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'));
  const { violations } = await page.evaluate<Report>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}

interface Report {
  violations: Array<{ id: string; impact: string; nodes: Array<{ target: string[] }> }>;
}
