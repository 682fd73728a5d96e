import type { Settings } from './settings.js';

/**
 * What one of several receiving processes may use, so that together they keep to what the settings say. Limits that are
 * a process' own by nature (`MAX_LOOP_DELAY`, `MAX_MEMORY`) and those that Redis counts for all stay as they are.
 */
function shareOf(settings: Settings, processes: number): Settings {
  const share = (total: number) => Math.ceil(total / processes);
  const { SPOOL_DRAIN_RATE: rate } = settings;
  return {
    ...settings,
    BODY_MEMORY: share(settings.BODY_MEMORY),
    MAX_CONNECTIONS: share(settings.MAX_CONNECTIONS),
    MAX_CONNECTIONS_PER_ADDRESS: share(settings.MAX_CONNECTIONS_PER_ADDRESS),
    MAX_IN_FLIGHT: share(settings.MAX_IN_FLIGHT),
    SPOOL_MAX: share(settings.SPOOL_MAX),
    SPOOL_DRAIN_RATE: { ...rate, window: rate.window * processes },
  };
}

/** What the settings say to one of the processes on one port, by its role. */
export function settingsOf(role: 'receiver' | 'worker', settings: Settings): Settings {
  if (role === 'receiver') return { ...shareOf(settings, settings.RECEIVER_PROCESSES), ROLE: role };
  // The receivers' /metrics tells its figures, and its parent how it is.
  return { ...settings, ROLE: role, WORKER_PORT: undefined };
}
