/** `/admin/api/openapi.json`: the routes of `/admin/api`, described by the schemas that check requests and write answers. */
import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import fp from 'fastify-plugin';
import { z } from 'zod';

/** As plugins/errors.ts writes it. */
const ERROR = {
  description: 'An error of the catalogue; the message says what to do',
  type: 'object',
  properties: {
    statusCode: { type: 'integer' },
    code: { type: 'string', pattern: '^HKL_ERR_' },
    error: { type: 'string' },
    message: { type: 'string' },
  },
  required: ['statusCode', 'code', 'error', 'message'],
};

async function adminOpenapi(fastify: FastifyInstance) {
  await fastify.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Hookline /admin/api', version: '1' },
      components: { securitySchemes: { basic: { type: 'http', scheme: 'basic' } } },
      security: [{ basic: [] }],
    },
    transform: ({ schema, url }) => ({ schema: describe(schema), url }),
  });
  fastify.get('/admin/api/openapi.json', { schema: { hide: true } }, async () => fastify.swagger());
}

/** A route's schema as JSON Schema all through; what goes in is described as it is sent, not as it is used. */
function describe(schema: FastifySchema): FastifySchema {
  const { querystring, body, response, ...rest } = schema;
  return {
    ...rest,
    ...(querystring === undefined ? {} : { querystring: toInput(querystring) }),
    ...(body === undefined ? {} : { body: toInput(body) }),
    response: {
      ...Object.fromEntries(
        Object.entries(response ?? {}).map(([status, answer]) => [status, withoutDialect(answer as object)]),
      ),
      default: ERROR,
    },
  };
}

function toInput(schema: unknown): unknown {
  return schema instanceof z.ZodType ? withoutDialect(z.toJSONSchema(schema, { io: 'input' })) : schema;
}

/** OpenAPI says for all of them what they are written in. */
function withoutDialect(schema: object): object {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== '$schema'));
}

export default fp(adminOpenapi, { name: 'admin-openapi', fastify: '5.x' });
