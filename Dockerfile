# Hookline as receiver or worker, by ROLE. The one place that names the Node.js version:
FROM node:24-slim AS base
WORKDIR /app

FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm run sbom

# What is optional is native speed-ups and other packages' build tools: Hookline does without.
FROM base AS dependencies
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM base
# WORKER_PORT is where a worker answers its health check; a receiver answers on PORT and ignores it.
ENV NODE_ENV=production HOST=0.0.0.0 WORKER_PORT=3001
# Where a receiver keeps deliveries while Redis is away: a volume mounted there gets this owner, as one at /textfile does.
ENV DATA_DIR=/data
# Nothing here installs anything, and nobody logs in.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* \
  && usermod --shell /usr/sbin/nologin node \
  && ln -s /app/dist/cli/hookline.js /usr/local/bin/hookline \
  && mkdir -m 700 /data && mkdir -m 755 /textfile && chown node:node /data /textfile
USER node
EXPOSE 3000
HEALTHCHECK --interval=20s --timeout=10s --start-period=30s --retries=3 \
  CMD ["node", "dist/cli/hookline.js", "health"]
CMD ["node", "--enable-source-maps", "dist/server.js"]
# Last, so that a change of the code redoes this layer only. All of it belongs to root and is not writable.
COPY --from=dependencies /app ./
COPY --from=build /app/dist ./dist
