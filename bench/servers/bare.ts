/** Control: Fastify reads the body and answers. Nothing that receives can be faster. */
import fastify from 'fastify';
import { told } from './listen.js';

const app = fastify({ bodyLimit: 10 * 1024 ** 2 });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post<{ Params: { source: string } }>(
  '/webhooks/:source',
  {
    schema: {
      response: {
        200: {
          type: 'object',
          properties: { status: { type: 'string' }, source: { type: 'string' }, id: { type: 'string' } },
        },
      },
    },
  },
  async (request) => ({
    status: 'accepted',
    source: request.params.source,
    id: request.headers['x-pps-webhook-id'] ?? 'none',
  }),
);
await app.listen({ port: 0, host: '127.0.0.1' });
const address = app.server.address();
if (address && typeof address === 'object') told(address.port);
