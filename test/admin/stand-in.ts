/** Answers what the receiver's API does not answer yet, in the page's own browser. Goes with the API's own part. */
import type { Page } from 'playwright-core';

export async function standIn(page: Page): Promise<void> {
  await page.route('**/admin/api/overview', (route) => route.fulfill({ json: overview() }));
  await page.route(/\/admin\/api\/deliveries\/[^/?]+\/[^/?]+$/, async (route) => {
    if (route.request().method() !== 'GET') return route.continue();
    const response = await route.fetch();
    const json = (await response.json()) as Record<string, unknown>;
    const more = {
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Petstore-Webhooks/1.0',
        'x-petstore-delivery': '1',
      },
      payload: {
        order: {
          id: 'ord_2041',
          total: 129.5,
          paid: true,
          coupon: null,
          lines: [{ sku: 'leash-red', quantity: 1 }],
        },
        card: { card_number: '***' },
        '<img src=x onerror="document.title=1">': '<b>bold</b>',
      },
      payloadNote: null,
    };
    return route.fulfill({ response, json: response.ok() ? { ...more, ...json } : json });
  });
}

function overview() {
  const now = Math.floor(Date.now() / 60_000) * 60_000;
  const source = (name: string, deadlineSeconds: number, rate: number) => {
    const minutes = Array.from({ length: 60 }, (_, index) => {
      const wave = Math.round(rate * (1 + Math.sin(index / 7)) + (index % 5));
      const quiet = rate === 0 || index < 8;
      return {
        at: new Date(now - (59 - index) * 60_000).toISOString(),
        accepted: quiet ? 0 : wave,
        duplicate: quiet ? 0 : Math.round(wave / 9),
        spooled: 0,
        refused: index % 17 === 3 ? 4 : 0,
        unavailable: 0,
        p50: quiet ? null : 0.004,
        p99: quiet ? null : 0.02 + (index % 9) / 100,
      };
    });
    const sum = (key: 'accepted' | 'duplicate' | 'refused') =>
      minutes.reduce((all, minute) => all + minute[key], 0);
    return {
      source: name,
      enabled: rate > 0,
      lastDeliveryAt: rate > 0 ? new Date(Date.now() - 12_000).toISOString() : null,
      deadlineSeconds,
      trust: [
        {
          what: 'key set',
          state: rate > 0 ? 'ok' : 'unknown',
          at: new Date(Date.now() - 900_000).toISOString(),
          detail: '2 keys',
        },
        { what: 'subscription', state: 'pending', at: null, detail: 'not confirmed yet' },
      ],
      depths: { waiting: 3, active: 1, delayed: 2, completed: 24_310, failed: rate > 20 ? 4 : 0 },
      oldestWaitingSeconds: 4.2,
      minutes,
      hour: {
        accepted: sum('accepted'),
        duplicate: sum('duplicate'),
        spooled: 0,
        refused: sum('refused'),
        unavailable: 0,
        refusals: { signature: 9, 'wrong-audience': 3 },
        p50: rate > 0 ? 0.004 : null,
        p99: rate > 0 ? 0.09 : null,
      },
    };
  };
  return {
    at: new Date().toISOString(),
    spool: { events: 0, bytes: 0, oldestSeconds: 0 },
    sources: [source('pce', 15, 9), source('petstore', 5, 40), source('pitchpoint', 10, 0)],
  };
}
