/**
 * `npm run test:admin`: the page of /admin in headless Chromium, over a Hookline that has been sent deliveries of all
 * sources, some of them late, forged, sent twice or never to be understood. Exit code 0 when all is well, 1 when
 * something is not, 2 without Chromium. `-- --screenshots` puts those of the documentation into docs/admin.
 */
import { Script } from '../support/owner.js';
import { CHROMIUM, hasChromium, startChromium } from './browser.js';
import { Checks } from './checks.js';
import { appearance, screenshots } from './looks.js';
import { errorsAreSaid } from './errors.js';
import {
  dashboardAndBack,
  findReplayAndDiscard,
  listByFilter,
  overviewCounts,
  readOnly,
  strangeIsReached,
  textIsText,
} from './tasks.js';
import { openWorld } from './world.js';

if (!hasChromium()) {
  console.error(`There is no ${CHROMIUM} (Debian's package chromium), so the page was not looked at.`);
  process.exit(2);
}

/** In pictures a handler lies where a deployer would have it, and not in a folder of this machine's. */
const PICTURED_HANDLERS = '/srv/hookline/handlers';

await Script.run(async (script) => {
  const pictures = process.argv.includes('--screenshots');
  const world = await openWorld(script, pictures ? PICTURED_HANDLERS : undefined);
  const chromium = await startChromium(script, [world.address, world.readOnlyAddress]);
  const checks = new Checks();
  await overviewCounts(chromium, world, checks);
  if (pictures) await screenshots(chromium, world);
  await appearance(chromium, world, checks);
  await listByFilter(chromium, world, checks);
  await textIsText(chromium, world, checks);
  await strangeIsReached(chromium, world, checks);
  await readOnly(chromium, world, checks);
  await findReplayAndDiscard(chromium, world, checks);
  checks.same('errors and warnings in the console', chromium.complaints, []);
  // A browser notes every answer that is an error in its console.
  await errorsAreSaid(chromium, world, checks);
  checks.same('requests to other hosts', chromium.elsewhere, []);
  // The dashboard asks for web fonts, which its security policy refuses.
  await dashboardAndBack(chromium, world, checks);
  return checks.report();
});
