/** Where `env` is on every system, whatever PATH a test sets. */
export const ENV = '/usr/bin/env';

/**
 * Arguments of `env` that run this Node.js as it comes: tap gives every child process a loader by NODE_OPTIONS, which
 * makes a start take twice as long, and is not what users run. `env` becomes the program, so that signals reach it.
 */
export const BARE_NODE = ['-u', 'NODE_OPTIONS', process.execPath] as const;
