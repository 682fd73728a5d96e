import http from 'node:http';
import https from 'node:https';

/** Connections to a receiver that are used again. */
export function openAgent(
  url: string,
  maxSockets: number,
): { agent: http.Agent | https.Agent; close: () => void } {
  const options = { keepAlive: true, maxSockets };
  const agent = new URL(url).protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
  return { agent, close: () => agent.destroy() };
}
