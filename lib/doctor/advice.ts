/** What is likely behind a refusal: for the operator, never for the sender. */
interface Advice {
  why: string;
  todo: string;
}

const FORGERY = 'Where nothing is missing, somebody else is knocking: then there is nothing to do.';

/** By the cause that log lines and metrics name, or by source and cause where one cause means two things; docs/providers tells the same at more length. */
const ADVICE: Record<string, Advice> = {
  'missing-signature': {
    why: `The signature header is not there: a proxy drops it, or this is not the provider. ${FORGERY}`,
    todo: 'Have the proxy pass on X-Petstore-Signature and X-Webhook-Signature.',
  },
  'pce missing-signature': {
    why: `The message has no Signature or no SigningCertURL: raw message delivery, or not the provider. ${FORGERY}`,
    todo: 'Turn raw message delivery off: raw messages are not signed.',
  },
  'malformed-signature': {
    why: `The signature header is not sha256=<64 hex digits>. ${FORGERY}`,
    todo: 'Look at what sends it, and whether a proxy changes the header.',
  },
  'wrong-secret': {
    why: 'Signed with a secret that is not in PETSTORE_WEBHOOK_SECRET.',
    todo: 'Compare it with the endpoint’s; or give that a new one: hookline endpoints update <id> --new-secret.',
  },
  'secret-white-space': {
    why: 'The provider’s secret has white space around it, such as the line break that "echo" adds.',
    todo: 'Give the endpoint the secret without it.',
  },
  'body-changed': {
    why: 'The body was changed on the way: the signature is of the exact bytes.',
    todo: 'Have the proxy pass bodies on as they are; the receiver’s log says what was changed.',
  },
  'bad-signature': {
    why: `The proof does not match what was sent. ${FORGERY}`,
    todo: 'See the receiver’s log for each of them.',
  },
  'missing-token': {
    why: `There is no bearer token: a proxy drops Authorization, or this is not the provider. ${FORGERY}`,
    todo: 'Have the proxy pass on Authorization.',
  },
  expired: {
    why: 'The token’s time is over: an old delivery sent again, or this clock is ahead.',
    todo: 'Compare this clock (the finding "clock"), and the provider’s.',
  },
  'not-yet-valid': {
    why: 'The token’s time has not begun: this clock is behind, or the sender’s is ahead.',
    todo: 'Compare this clock (the finding "clock"), and the provider’s.',
  },
  'clock-skew': {
    why: 'The token is in its time by the key server’s clock, and not by ours.',
    todo: 'Set this clock by NTP.',
  },
  'unknown-key': {
    why: 'The issuer has published no key of the id that the token names: a token of another issuer, or a forgery.',
    todo: 'Check PITCHPOINT_ISSUER and PITCHPOINT_JWKS_URI.',
  },
  'wrong-audience': {
    why: 'The token is meant for somebody else.',
    todo: 'Set PITCHPOINT_AUDIENCE to the aud of the tokens: the receiver’s log shows it.',
  },
  'wrong-issuer': {
    why: 'The token is of another issuer.',
    todo: 'Set PITCHPOINT_ISSUER to the iss of the tokens: the receiver’s log shows it.',
  },
  'tenant-not-allowed': {
    why: 'X-Pps-Tenant-Id is not one of PITCHPOINT_TENANTS.',
    todo: 'Add the tenant there, or have the provider leave it out.',
  },
  'topic-not-allowed': {
    why: 'The TopicArn is not one of PCE_TOPIC_ARNS.',
    todo: 'Add it there if it is yours: the receiver’s log shows it.',
  },
  'certificate-url': {
    why: `The certificate lies neither at AWS nor at one of PCE_TRUSTED_ORIGINS. ${FORGERY}`,
    todo: 'A private sender’s origin belongs into PCE_TRUSTED_ORIGINS.',
  },
  'credentials-wrong': {
    why: 'The Basic credentials are not PCE_BASIC_USER and PCE_BASIC_PASSWORD.',
    todo: 'Compare them with those of the endpoint at PCE.',
  },
  'not-sns': {
    why: `The body is no SNS message: raw message delivery is on, or this is not the provider. ${FORGERY}`,
    todo: 'Turn raw message delivery off: raw messages are not signed.',
  },
};

const UNKNOWN: Advice = {
  why: `What it came with proves nothing. ${FORGERY}`,
  todo: 'See the receiver’s log for each of them.',
};

export function adviceOn(source: string, cause: string): Advice {
  const key = [`${source} ${cause}`, cause].find((one) => Object.hasOwn(ADVICE, one));
  return (key === undefined ? undefined : ADVICE[key]) ?? UNKNOWN;
}
