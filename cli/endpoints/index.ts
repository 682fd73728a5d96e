import type { Command } from 'commander';
import { CommandError, type AddCommand } from '../command.js';
import { explained } from '../output.js';
import { confirm, status } from './pce.js';
import { create, enable, list, remove, showOne, test, update } from './petstore.js';
import { describe } from './pitchpoint.js';
import { watch } from './watch.js';

export const addEndpoints: AddCommand = (program) => {
  const endpoints = program
    .command('endpoints')
    .description("the provider's side: endpoints at Petstore, subscriptions of PCE, Pitchpoint's sheet")
    .addHelpText(
      'after',
      `
Petstore has an API (PETSTORE_API_URL, PETSTORE_API_TOKEN): create, list, show, update, delete, test, enable, watch.
PCE has none: status and confirm tell and mend what the receiver has seen.
Pitchpoint has none: describe prints the sheet that its account representative asks for.

Exit codes: 0 all is well; 1 it could not be done or found out; 2 something is not as it should be.

Examples:
  hookline endpoints create --url https://hooks.example.com --events pet.adopted,order.created --save-secret .env
  hookline endpoints watch || mail -s "Petstore has stopped sending" ops@example.com
  hookline endpoints status pce
  hookline endpoints describe pitchpoint --url https://hooks.example.com`,
    );
  addPetstore(endpoints);
  addOthers(endpoints);
};

function addPetstore(endpoints: Command): void {
  withSecret(
    petstore(endpoints, 'create', 'register an endpoint; its secret is made here, sent once and kept'),
  )
    .requiredOption(
      '--url <url>',
      "the receiver's public address; /webhooks/petstore is added where it has no path",
    )
    .requiredOption('--events <types>', 'event types, separated by commas')
    .action(explained(create));
  petstore(endpoints, 'list', 'the endpoints that are registered').action(explained(list));
  petstore(endpoints, 'show', 'one endpoint').argument('<id>').action(explained(showOne));
  withSecret(petstore(endpoints, 'update', 'change what is given, and nothing else'))
    .argument('<id>')
    .option('--url <url>', 'another address')
    .option('--events <types>', 'other event types, separated by commas')
    .option('--new-secret', 'another secret, which the receiver takes beside the old one')
    .action(explained(update));
  petstore(endpoints, 'delete', 'remove an endpoint: nothing is sent to it any more')
    .argument('<id>')
    .action(explained(remove));
  petstore(
    endpoints,
    'test',
    'have Petstore send a sample event; exit code 2 when it is known not to have arrived',
  )
    .argument('<id>')
    .option('--event <type>', 'event type', 'pet.adopted')
    .action(explained(test));
  petstore(endpoints, 'enable', 'make it active again, after Petstore disabled it')
    .argument('<id>')
    .action(explained(enable));
  petstore(endpoints, 'watch', 'exit code 2 and a log line when an endpoint is not active (any more)')
    .argument('[ids...]', 'default: all that are registered')
    .option('--url <url>', 'the endpoint with this address')
    .option('--every <duration>', 'go on looking, until one is not active; default: look once')
    .option(
      '--textfile <file.prom>',
      "write what was found for node_exporter's textfile collector; --every does not end then",
    )
    .action(explained(watch));
}

function petstore(endpoints: Command, name: string, description: string): Command {
  return endpoints
    .command(name)
    .description(`Petstore: ${description}`)
    .option('--timeout <duration>', 'for one request to the API', '10s')
    .option('--retries <n>', 'how often a request is repeated that may be, and may succeed then', '3')
    .option('--json', 'print JSON');
}

/** Not `--env-file`: Node.js 20 takes that for its own, wherever it stands on the command line. */
function withSecret(command: Command): Command {
  return command
    .option(
      '--save-secret <file>',
      'write the secret there as PETSTORE_WEBHOOK_SECRET, beside those that are there',
    )
    .option('--print-secret', 'print the secret, once')
    .option('--secret-file <file>', 'use the secret in this file (- is standard input) instead of a new one');
}

function addOthers(endpoints: Command): void {
  endpoints
    .command('status')
    .description("PCE: how each topic's subscription stands, from what the receiver has seen")
    .argument('<source>', 'pce')
    .option('--json', 'print JSON')
    .action(explained(only('pce', status)));
  endpoints
    .command('confirm')
    .description('PCE: try the latest confirmation of each topic again, now')
    .argument('<source>', 'pce')
    .option('--topic <arn>', 'this topic only, whatever its state')
    .option('--wait <duration>', 'how long to wait for what comes of it', '20s')
    .option('--json', 'print JSON')
    .action(explained(only('pce', confirm)));
  endpoints
    .command('describe')
    .description('Pitchpoint: the sheet that its account representative asks for')
    .argument('<source>', 'pitchpoint')
    .requiredOption('--url <url>', "the receiver's public address")
    .option('--tenant <id...>', 'tenant ids; default: PITCHPOINT_TENANTS, else those that handlers name')
    .option('--json', 'print JSON')
    .action(explained(only('pitchpoint', describe)));
}

/** Commands that are one provider's: the name is asked for all the same, as others may follow. */
function only<Options>(source: string, action: (options: Options) => Promise<void>) {
  return async (given: string, options: Options): Promise<void> => {
    if (given !== source) {
      throw new CommandError(
        `This is for ${source} only; "hookline endpoints --help" shows what there is for ${given}.`,
      );
    }
    await action(options);
  };
}
