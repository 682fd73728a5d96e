import t from 'tap';
import { isRefusedForNow } from '../../lib/queue/refusal.js';

/** As Redis says it of a command, of a script (7.0), and of a script in 6.2. */
const READ_ONLY = "READONLY You can't write against a read only replica.";
const REFUSED = [
  READ_ONLY,
  `${READ_ONLY} script: 69666e69dd56, on @user_script:679.`,
  `ERR Error running script (call to f_1e84a64d649a): @user_script:28: @user_script: 28: -${READ_ONLY}`,
  "ERR Error running script (call to f_1e84a64d649a): @user_script:28: @user_script: 28: -OOM command not allowed when used memory > 'maxmemory'.",
  // Redis 6.2 and 7.0, and 7.2 and Valkey.
  "ERR Error running script (call to f_1e84a64d649a): @user_script:1: @user_script: 1: The user executing the script can't run this command or subcommand",
  "ERR The user executing the script can't run this command or subcommand script: 69666e69dd56, on @user_script:1.",
  "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments script: 69666e69dd56, on @user_script:1.",
  "ERR ACL failure in script: User y has no permissions to run the 'hset' command script: 69666e69dd56, on @user_script:1.",
  'ERR max number of clients reached',
  'CLUSTERDOWN The cluster is down',
];
const OWN = [
  'WRONGTYPE Operation against a key holding the wrong kind of value',
  'ERR Error running script (call to f_1e84a64d649a): @user_script:3: @user_script: 3: WRONGTYPE Operation against a key',
  "ERR Error running script (call to f_1e84a64d649a): @user_script:3: user_script:3: attempt to compare nil with number: 'READONLY'",
  'ERR Error running script (call to f_1e84a64d649a): @user_script:3: user_script:3: ACL failure in script',
  'Missing lock for job 1. moveToFinished',
];

void t.test('what Redis refuses for its own sake is told from what is wrong with the command', async (t) => {
  for (const message of REFUSED) t.equal(isRefusedForNow(new Error(message)), true, message);
  for (const message of OWN) t.equal(isRefusedForNow(new Error(message)), false, message);
});
