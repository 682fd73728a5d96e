/** How the pages look: read by axe, within the width of a phone, and in pictures for the documentation. */
import { mkdir, stat } from 'node:fs/promises';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { violationsOf, type Chromium } from './browser.js';
import type { Checks } from './checks.js';
import type { World } from './world.js';

const PHONE = { width: 390, height: 844 };
const LOOKS: Record<string, BrowserContextOptions> = {
  light: {},
  dark: { colorScheme: 'dark' },
  phone: { viewport: PHONE, isMobile: true, hasTouch: true },
};

const pagesOf = ({ broken }: World) => ({
  overview: '/admin',
  deliveries: '/admin/deliveries',
  delivery: `/admin/deliveries/petstore/${broken}`,
});

/** Opens a page and waits until it shows what it was asked for. */
export async function show(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.locator('h1').waitFor();
  await page.locator('.loading').waitFor({ state: 'detached' });
}

/** Every page in every look: no serious violation, no sideways scrolling. */
export async function appearance(chromium: Chromium, world: World, checks: Checks): Promise<void> {
  for (const [look, options] of Object.entries(LOOKS)) {
    const page = await chromium.open(options);
    for (const [name, path] of Object.entries(pagesOf(world))) {
      await show(page, world.address + path);
      checks.same(`${name}, ${look}: serious violations`, await violationsOf(page), []);
      const wider = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
      checks.ok(`${name}, ${look}: no sideways scrolling`, wider <= 0, `${wider} px too wide`);
    }
    await page.getByRole('button', { name: 'Discard …' }).click();
    checks.same(`the question before a discard, ${look}: serious violations`, await violationsOf(page), []);
    await page.evaluate('document.querySelector("dialog button").textContent = ""');
    const seen = await violationsOf(page);
    checks.ok(`a button without a name is noticed, ${look}`, seen.length === 1, seen);
    await page.close();
  }
}

const PICTURE = { width: 1120, height: 860 };
const FOLDER = 'docs/admin';
/** Bytes of a picture in the documentation. */
const MAX_PICTURE = 150_000;

/** Pictures of every page in every look. @throws when one is too large */
export async function screenshots(chromium: Chromium, world: World): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  for (const [look, options] of Object.entries(LOOKS)) {
    const page = await chromium.open({ viewport: PICTURE, ...options });
    for (const [name, path] of Object.entries(pagesOf(world))) {
      await show(page, world.address + path);
      const file = `${FOLDER}/${name}-${look}.png`;
      await page.screenshot({ path: file });
      const { size } = await stat(file);
      if (size > MAX_PICTURE) throw new Error(`${file} has ${size} bytes`);
    }
    await page.close();
  }
}
