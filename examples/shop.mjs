/**
 * What the examples talk to: a payment provider, a mail server, a database and a slow partner, in 80 lines.
 * `node examples/shop.mjs` listens on SHOP_PORT (4010) of this machine and prints what it is asked to do.
 */
import http from 'node:http';

const charges = new Map();
const mailTried = new Set();
const orders = new Map();
const partner = { now: 0, most: 0, starts: [] };
/** Everything that was asked, in order: `GET /log`. */
const log = [];

/** `METHOD /first-part-of-the-path` → what it does; answers `[status, body, headers]`. */
const routes = {
  /** Like real ones: one charge for each Idempotency-Key, however often it is asked for. */
  'POST charges': (_id, { amount }, headers) => {
    const key = headers['idempotency-key'];
    const known = charges.get(key);
    const charge = known ?? { id: `ch_${charges.size + 1}`, amount };
    charges.set(key, charge);
    return [known ? 200 : 201, charge];
  },
  /** Fails the first time for each recipient. */
  'POST mails': (_id, { to }) => {
    if (mailTried.has(to)) return [202, {}];
    mailTried.add(to);
    return [503, { error: 'the mail server is busy' }];
  },
  'PUT orders': (id, order) => {
    orders.set(id, order);
    return [200, order];
  },
  'GET orders': (id) => (orders.has(id) ? [200, orders.get(id)] : [404, {}]),
  /** Takes 50 ms, and no more than ten in any one second. */
  'POST partner': async () => {
    const since = Date.now() - 1_000;
    partner.starts = partner.starts.filter((start) => start > since);
    if (partner.starts.length >= 10) return [429, {}, { 'retry-after': '1' }];
    partner.starts.push(Date.now());
    partner.now += 1;
    partner.most = Math.max(partner.most, partner.now);
    await new Promise((resolve) => setTimeout(resolve, 50));
    partner.now -= 1;
    return [200, {}];
  },
  'GET partner': () => [200, { most: partner.most }],
  'GET log': () => [200, log],
};

const server = http.createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(request.method, request.url, error.message);
    response.writeHead(400).end();
  });
});

async function answer(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {};
  const [, name = '', id] = request.url?.split('/') ?? [];
  const route = routes[`${request.method} ${name}`];
  const [status, said, headers = {}] = route ? await route(id, body, request.headers) : [404, {}];
  if (request.method !== 'GET') {
    log.push({ method: request.method, path: request.url, body, status });
    console.log(request.method, request.url, JSON.stringify(body), '→', status, JSON.stringify(said));
  }
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(said));
}

server.listen(Number(process.env.SHOP_PORT ?? 4010), '127.0.0.1', () => {
  console.log(`the shop listens on http://127.0.0.1:${server.address().port}`);
});
