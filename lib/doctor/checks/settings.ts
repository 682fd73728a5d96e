import { isEnabled, setting, type DoctorContext } from '../context.js';
import { ok, warn, type Check, type Finding } from '../finding.js';

/** The settings are valid, or there would be no context; what is left is what they leave out. */
export const settingsCheck: Check<DoctorContext> = {
  name: 'settings',
  async run(context) {
    const { definitions } = context;
    const enabled = definitions.map(({ name }) => name).filter((name) => isEnabled(context, name));
    if (enabled.length === 0) {
      return [
        warn(
          'settings',
          'no source is enabled',
          'Every delivery is answered 404.',
          'Set the variables of at least one source: README.md lists them.',
        ),
      ];
    }
    return [
      ok('settings', `valid; enabled: ${enabled.join(', ')}`),
      ...hiddenAdmin(context),
      ...quotedSecrets(context),
    ];
  },
};

function hiddenAdmin({ settings }: DoctorContext): Finding[] {
  if (settings.NODE_ENV !== 'production' || settings.ADMIN_USER !== undefined) return [];
  const why = 'In production nobody can see the dashboard and the admin API then.';
  return [warn('settings-admin', 'ADMIN_USER and ADMIN_PASSWORD are not set', why, 'Set both.')];
}

/** docker's --env-file takes quotation marks for a part of the value. */
function quotedSecrets(context: DoctorContext): Finding[] {
  const secrets = (setting(context, 'petstore', 'PETSTORE_WEBHOOK_SECRET') ?? []) as string[];
  if (!secrets.some((secret) => /^["'`]|["'`]$/.test(secret))) return [];
  const why = 'They count as a part of the secret, and then no signature is right.';
  return [warn('settings-secret', 'PETSTORE_WEBHOOK_SECRET has quotation marks', why, 'Take them away.')];
}
