/** Pitchpoint has no API: its account representative wants a sheet (Webhook Endpoint Implementation Guide). */
import { CommandError, loadContext } from '../command.js';
import { print, type JsonOption } from '../output.js';
import { endpointUrl } from './url.js';

export interface DescribeOptions extends JsonOption {
  url: string;
  tenant?: string[];
}

interface Sheet {
  endpointUrl: string;
  topics: string[];
  subTopics: string[];
  tenantIds: string[];
  /** What is not said by handlers and settings, and has to be written in by hand. */
  toFillIn: string[];
}

/** Prints what the representative asks for: the URL, and the topics, sub-topics and tenants that have handlers. */
export async function describe(options: DescribeOptions): Promise<void> {
  const { settings, definitions } = await loadContext();
  const { loadRegistry } = await import('../../workers/runtime.js');
  const handlers = (await loadRegistry(settings, definitions))
    .list()
    .map(({ handler }) => handler)
    .filter(({ source }) => source === 'pitchpoint');
  if (handlers.length === 0) {
    throw new CommandError(
      'No handler takes events of pitchpoint. Add one to HANDLERS_DIR first: it says which topics to ask for.',
    );
  }
  const tenants =
    options.tenant ?? (settings.sources['pitchpoint']?.['PITCHPOINT_TENANTS'] as string[] | undefined);
  const sheet = makeSheet(endpointUrl(options.url, 'pitchpoint'), {
    topics: handlers.map(({ topic }) => topic),
    subTopics: handlers.map(({ subTopic }) => subTopic ?? '*'),
    tenantIds: tenants ?? handlers.map(({ tenantId }) => tenantId ?? '*'),
  });
  if (options.json) print(sheet);
  else console.log(asText(sheet));
}

function makeSheet(
  url: string,
  { topics, subTopics, tenantIds }: Pick<Sheet, 'topics' | 'subTopics' | 'tenantIds'>,
): Sheet {
  const named = { topics: distinct(topics), subTopics: distinct(subTopics), tenantIds: distinct(tenantIds) };
  const toFillIn = [
    ...(topics.includes('*') ? ['topics: a handler takes any; write in those that you want'] : []),
    ...(subTopics.includes('*')
      ? ['sub-topics: a handler takes any; write in those that you want, or "all"']
      : []),
    ...(named.tenantIds.length === 0 ? ['tenant id: the unit whose events you want (--tenant OU1243)'] : []),
    ...[...named.topics, ...named.subTopics, ...named.tenantIds]
      .filter((value) => value.includes('*'))
      .map((value) => `${value} is a pattern: write in the values that it stands for`),
  ];
  return { endpointUrl: url, ...named, toFillIn };
}

/** Each value once, in order, without "any". */
function distinct(values: string[]): string[] {
  return [...new Set(values)].filter((value) => value !== '*').sort();
}

function asText({ endpointUrl: url, topics, subTopics, tenantIds, toFillIn }: Sheet): string {
  const list = (values: string[]) => (values.length > 0 ? values : ['…']).map((value) => `  ${value}`);
  return [
    'Webhook endpoint registration, for your Pitchpoint account representative',
    '',
    'Endpoint URL',
    `  ${url}`,
    'Webhook topics',
    ...list(topics),
    'Webhook sub-topics',
    ...list(subTopics),
    'Tenant id',
    ...list(tenantIds),
    ...(toFillIn.length > 0 ? ['', 'To be filled in by hand', ...list(toFillIn)] : []),
    '',
    'Ask in return for the issuer and the audience of the tokens: PITCHPOINT_ISSUER, PITCHPOINT_AUDIENCE.',
  ].join('\n');
}
