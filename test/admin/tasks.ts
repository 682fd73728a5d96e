/** What an operator comes for, done in the page as an operator does it. */
import type { Page } from 'playwright-core';
import { until } from '../support/deliveries.js';
import { violationsOf, type Chromium } from './browser.js';
import type { Checks } from './checks.js';
import { show } from './looks.js';
import { HTML, type World } from './world.js';

const timelineOf = (page: Page) => page.getByRole('region', { name: 'Timeline' }).getByRole('listitem');

async function hasFocus(page: Page, text: string): Promise<boolean> {
  return (await page.evaluate<string>('document.activeElement.textContent')) === text;
}

/** From the overview to a delivery by its id, its replay, and what the timeline says of it; then its discard. */
export async function findReplayAndDiscard(chromium: Chromium, world: World, checks: Checks): Promise<void> {
  const page = await chromium.open();
  await show(page, `${world.address}/admin`);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await until('the focus to move', () => hasFocus(page, 'Overview'));
  checks.ok('the first key leads to the content', true);
  await page.getByLabel('Webhook id').fill(world.broken);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/admin/deliveries/petstore/${world.broken}`);
  await page.getByText('dead letter').waitFor();
  checks.ok('an event is found by its id in two actions: typing it, and Enter', true);
  await until('the focus to move', () => hasFocus(page, world.broken));
  checks.ok('the focus is on the heading of the new page', true);
  checks.same('the title names the delivery', await page.title(), `${world.broken} (petstore) · Hookline`);

  const before = await timelineOf(page).allInnerTexts();
  checks.ok(
    'its timeline tells of both attempts',
    before.filter((text) => /Attempt \d.*500/s.test(text)).length === 2,
    before,
  );
  checks.ok(
    'and of the step that was done',
    before.some((text) => text.includes('look up the customer')),
    before,
  );

  const payload = await page.getByRole('region', { name: 'Payload' }).innerText();
  checks.ok('a credential in the payload is masked', /card_number\s*"\*\*\*"/.test(payload), payload);
  checks.ok('and a field that REDACT names', /email\s*"\*\*\*"/.test(payload), payload);
  checks.ok('and nothing else', payload.includes('leash-red') || payload.includes('ord_2041'), payload);

  await world.mend();
  await page.getByRole('button', { name: 'Replay …' }).click();
  await page.getByRole('dialog').getByText('full set of attempts').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Discard …' }).press('Enter');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Replay …' }).press('Enter');
  checks.ok('whichever is asked, the keyboard is where nothing happens', await hasFocus(page, 'Cancel'));
  await page.keyboard.press('Enter');
  checks.same(
    'Escape and Cancel ask for nothing',
    (await timelineOf(page).allInnerTexts()).length,
    before.length,
  );
  await page.getByRole('button', { name: 'Replay …' }).click();
  await page.getByRole('button', { name: 'Replay it' }).click();
  await page.getByText('Replayed: it waits for a worker again.').waitFor();
  await page.getByText('Its handler took it with success.').waitFor();
  const after = await timelineOf(page).allInnerTexts();
  checks.ok(
    'the timeline shows the replay and who did it',
    after.some((text) => text.includes('Replayed by admin:local')),
    after,
  );
  checks.ok('and that it was handled', after.at(-1)?.includes('Handled with success') === true, after);

  await page.getByRole('button', { name: 'Discard …' }).click();
  await page.getByLabel(/Keep its id/).check();
  await page.getByRole('button', { name: 'Discard it' }).click();
  await page.getByText('An operator discarded it and kept its id').waitFor();
  checks.same('a discarded delivery: serious violations', await violationsOf(page), []);
  await page.close();
}

/** From a figure of the overview to the list, and through its pages and back. */
export async function listByFilter(chromium: Chromium, world: World, checks: Checks): Promise<void> {
  const page = await chromium.open();
  await show(page, `${world.address}/admin`);
  await page.getByRole('region', { name: 'petstore' }).locator('a[href*="state=failed"]').click();
  await page.waitForURL('**/admin/deliveries?source=petstore&state=failed');
  await page.getByRole('link', { name: world.broken }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  await page.goForward();
  await page.getByRole('link', { name: world.broken }).waitFor();
  checks.same(
    'the filter of the address is in the form',
    await page.getByLabel('State').inputValue(),
    'failed',
  );

  await page.getByLabel('State').selectOption('completed');
  await page.getByLabel(/^Topic/).fill('payment.*');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.waitForURL('**/admin/deliveries?source=petstore&state=completed&topic=payment.*');
  const topics = page.getByRole('row').locator('[data-name=Topic]');
  await until('only payments to be listed', async () => {
    const texts = await topics.allInnerTexts();
    return texts.length > 0 && texts.every((text) => text.startsWith('payment.'));
  });

  await show(page, `${world.address}/admin/deliveries?source=petstore`);
  const ids = () => page.getByRole('rowheader').allInnerTexts();
  const first = await ids();
  await page.getByRole('link', { name: 'Next page' }).click();
  await until('other deliveries on the next page', async () => {
    const texts = await ids();
    return texts.length > 0 && texts.every((id) => !first.includes(id));
  });
  checks.ok('the next page is in the address', new URL(page.url()).searchParams.has('cursor'));
  const second = await ids();
  await page.reload();
  await until('the same page after a reload', async () => (await ids()).join() === second.join());
  await page.getByRole('link', { name: 'Previous page' }).click();
  await until('the first page again', async () => (await ids()).join() === first.join());
  checks.ok('pages go on, are kept by a reload, and lead back', true);

  await show(page, `${world.address}/admin/deliveries?topic=no.such.topic`);
  await page.getByText('No delivery matches these filters.').waitFor();
  checks.same('an empty list: serious violations', await violationsOf(page), []);
  await page.close();
}

/** What looks like HTML in a delivery stays text. */
export async function textIsText(chromium: Chromium, world: World, checks: Checks): Promise<void> {
  const page = await chromium.open();
  for (const path of [
    `/admin/deliveries?id=${world.hostile}`,
    `/admin/deliveries/petstore/${world.hostile}`,
  ]) {
    await show(page, world.address + path);
    checks.ok(`${path}: it is there to read`, (await page.getByText(HTML).count()) > 0);
    checks.same(`${path}: and no element came of it`, await page.locator('main img').count(), 0);
    checks.ok(
      `${path}: nor did its script run`,
      (await page.title()).endsWith('· Hookline'),
      await page.title(),
    );
  }
  await page.close();
}

/** An id that is a step in a path is reached all the same, and a long error hides nothing. */
export async function strangeIsReached(chromium: Chromium, world: World, checks: Checks): Promise<void> {
  await world.sendStrange();
  const page = await chromium.open();
  await show(page, `${world.address}/admin/deliveries?topic=order.strange`);
  await page.getByRole('link', { name: '..', exact: true }).click();
  await page.getByRole('region', { name: 'Payload' }).waitFor();
  checks.ok('a delivery whose id is .. is shown, and what it says', true);
  const reason = page.locator('.reason');
  const lengths = [(await reason.innerText()).length];
  await reason.getByRole('button', { name: 'Show all' }).click();
  lengths.push((await reason.innerText()).length);
  checks.ok('of a long error its beginning', Number(lengths[0]) < 1_000, lengths);
  checks.ok('and all of it when that is wanted', Number(lengths[1]) > 6_000, lengths);
  await page.close();
}

/** Where nothing can be changed the buttons say so. */
export async function readOnly(chromium: Chromium, world: World, checks: Checks): Promise<void> {
  const page = await chromium.open();
  await show(page, `${world.readOnlyAddress}/admin/deliveries/petstore/${world.broken}`);
  for (const name of ['Replay …', 'Discard …']) {
    const button = page.getByRole('button', { name });
    checks.ok(`read-only: ${name} is disabled`, await button.isDisabled());
    const reason = page.locator(`#${await button.getAttribute('aria-describedby')}`);
    checks.ok(`read-only: ${name} says why`, (await reason.innerText()).includes('ADMIN_READONLY'));
  }
  checks.same('read-only: serious violations', await violationsOf(page), []);
  await page.close();
}

/** Between the page and the Bull dashboard, which keeps its links in a menu. */
export async function dashboardAndBack(chromium: Chromium, world: World, checks: Checks): Promise<void> {
  const page = await chromium.open();
  await show(page, `${world.address}/admin`);
  await page.getByRole('link', { name: 'Queues' }).click();
  await page.waitForURL('**/admin/queues');
  await page.locator('header button').last().click();
  await page.getByText('Overview and deliveries').click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  checks.ok('the dashboard is linked, and leads back', new URL(page.url()).pathname === '/admin', page.url());
  await page.close();
}

/** The overview counts what was sent, of every source: taken, sent twice, and forged. */
export async function overviewCounts(chromium: Chromium, world: World, checks: Checks): Promise<void> {
  const page = await chromium.open();
  await show(page, `${world.address}/admin`);
  const petstore = page.getByRole('region', { name: 'petstore' });
  await petstore.getByText(/[1-9][\d,]* accepted, [1-9][\d,]* duplicate, [1-9]\d* refused/).waitFor();
  await petstore.getByText('Refused because of').waitFor();
  await petstore.getByText(/99 of 100 within .*; the provider's deadline is 5 s/).waitFor();
  checks.same('each source has its card', await page.getByRole('region').count(), 3);
  checks.same(
    'and its plots, with words for them',
    await page.getByRole('img', { name: /the last hour/ }).count(),
    6,
  );
  await page.close();
}
