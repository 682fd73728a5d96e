const SHOP = process.env.SHOP_URL ?? 'http://127.0.0.1:4010';

/** Asks the shop (`shop.mjs`) for something. @throws {Error} with `status` and `headers` where it refuses */
export async function shop(method, path, body, { signal, headers = {} } = {}) {
  const request = {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal,
  };
  const response = await fetch(SHOP + path, request);
  if (response.ok) return response.json();
  const error = new Error(`${method} ${path} was answered ${response.status}`);
  throw Object.assign(error, { status: response.status, headers: response.headers });
}
