/** What cannot be shown is said in words, and read out. */
import { violationsOf, type Chromium } from './browser.js';
import type { Checks } from './checks.js';
import { show } from './looks.js';
import type { World } from './world.js';

export async function errorsAreSaid(chromium: Chromium, world: World, checks: Checks): Promise<void> {
  const known = chromium.complaints.length;
  const page = await chromium.open();

  await show(page, `${world.address}/admin`);
  await page.getByLabel('Webhook id').fill('evt_nobody-knows');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByRole('status').getByText('No delivery with this id is remembered.').waitFor();
  checks.ok('an unknown id is said to be unknown', true);

  await show(page, `${world.address}/admin/deliveries/petstore/evt_nobody-knows`);
  const alert = page.getByRole('alert');
  checks.ok(
    'so is the address of an unknown delivery',
    /No delivery with this id/.test(await alert.innerText()),
  );
  checks.same('an unknown delivery: serious violations', await violationsOf(page), []);

  await show(page, `${world.address}/admin/deliveries?since=yesterday`);
  checks.ok('a wrong filter is explained', /since: expected a time/.test(await alert.innerText()));

  const overview = '**/admin/api/overview';
  await page.route(overview, () => undefined);
  await page.goto(`${world.address}/admin`);
  await page.getByRole('status').getByText('Loading the overview …').waitFor();
  checks.same('an overview that is long in coming: serious violations', await violationsOf(page), []);
  await page.unroute(overview);

  const pattern = '**/admin/api/deliveries?*';
  await page.route(pattern, (route) => route.abort());
  await show(page, `${world.address}/admin/deliveries`);
  checks.ok('a receiver that is away is said to be', /did not answer/.test(await alert.innerText()));
  await page.unroute(pattern);
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('row').nth(1).waitFor();
  checks.same('and goes on when it is back', await alert.count(), 0);

  const one = '**/admin/api/deliveries/pitchpoint/*';
  await show(page, `${world.address}/admin/deliveries/pitchpoint/${world.slow}`);
  await page.route(one, (route) => route.abort());
  await alert.getByText('did not answer').waitFor();
  await page.unroute(one);
  await alert.waitFor({ state: 'detached' });
  checks.ok('a delivery that has not ended is looked at again by itself', true);

  const others = chromium.complaints
    .slice(known)
    .filter((text) => !text.startsWith('Failed to load resource'));
  checks.same('the console tells of nothing but these answers', others, []);
  await page.close();
}
