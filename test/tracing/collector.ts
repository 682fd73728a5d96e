/** An OTLP collector: takes traces by HTTP and keeps them. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { Owner } from '../support/owner.js';
import { decodeSpans, type SeenSpan } from './otlp.js';

export interface Collector {
  url: string;
  spans: SeenSpan[];
  /** All that came, as bytes, to search for what must not be there. */
  bodies: Buffer[];
  requests: Array<{ path: string; headers: IncomingHttpHeaders }>;
  /** How it answers from now on: `hang` never does. */
  answers: 'ok' | 'fail' | 'hang';
}

/** Starts one that ends with the test. */
export async function startCollector(t: Owner, answers: Collector['answers'] = 'ok'): Promise<Collector> {
  const collector: Collector = { url: '', spans: [], bodies: [], requests: [], answers };
  const server = createServer((request, response) => {
    void buffer(request).then((sent) => answer(collector, request, sent, response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  collector.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return collector;
}

function answer(
  collector: Collector,
  request: IncomingMessage,
  sent: Buffer,
  response: ServerResponse,
): void {
  collector.requests.push({ path: request.url ?? '', headers: request.headers });
  if (collector.answers === 'hang') return;
  if (collector.answers === 'fail') {
    response.writeHead(400).end();
    return;
  }
  const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
  collector.bodies.push(body);
  collector.spans.push(...decodeSpans(body));
  response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
}
