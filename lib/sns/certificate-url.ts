/** The host `sns.<region>.<domain>` of AWS. */
export interface AwsHost {
  region: string;
  domain: string;
}

export interface CertificateUrl {
  href: string;
  /** `null`: the URL is of a trusted origin. */
  aws: AwsHost | null;
}

/**
 * `us-east-1`, `us-gov-west-1`, `ap-southeast-7`. Letters only before the number: `sns.s3-us-west-2.amazonaws.com`
 * is a bucket that anyone may own.
 */
const AWS_ORIGIN = String.raw`https://sns\.(?<region>[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d{1,2})\.(?<domain>amazonaws\.com(?:\.cn)?)`;
const AWS_CERTIFICATE = new RegExp(`^${AWS_ORIGIN}/SimpleNotificationService-[0-9a-fA-F]{1,64}\\.pem$`);
const AWS_SUBSCRIBE = new RegExp(`^${AWS_ORIGIN}/\\?`);

/** What the WHATWG parser would forgive or rewrite: white space, control characters, backslashes, non-ASCII. */
const PLAIN = /^[!-~]{1,4096}$/;

/**
 * May this certificate be fetched? AWS's own hosts have one name and one form of path; on a trusted origin any
 * path that ends in `.pem` will do. Rules: docs/decisions/0003-sns-verification.md.
 */
export function checkCertificateUrl(raw: string, trusted: ReadonlySet<string>): CertificateUrl | undefined {
  const aws = AWS_CERTIFICATE.exec(raw)?.groups;
  if (aws?.region && aws.domain) return { href: raw, aws: { region: aws.region, domain: aws.domain } };
  const url = parseTrusted(raw, trusted);
  // Equal to the parsed form: no query, no fragment, no dot segments.
  return url && url.pathname.endsWith('.pem') && raw === url.origin + url.pathname
    ? { href: raw, aws: null }
    : undefined;
}

/** May this SubscribeURL be asked? AWS: `/?Action=ConfirmSubscription&…`; a trusted origin: any path and query. */
export function isSubscribeUrl(raw: string, trusted: ReadonlySet<string>): boolean {
  if (!isPlain(raw)) return false;
  if (!AWS_SUBSCRIBE.test(raw)) return parseTrusted(raw, trusted) !== undefined;
  const actions = new URL(raw).searchParams.getAll('Action');
  return actions.length === 1 && actions[0] === 'ConfirmSubscription';
}

/**
 * An origin of the settings in its canonical form, or `undefined` when it is anything but
 * `http(s)://host[:port]`.
 */
export function readOrigin(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  return text.toLowerCase().replace(/\/$/, '') === url.origin ? url.origin : undefined;
}

function parseTrusted(raw: string, trusted: ReadonlySet<string>): URL | undefined {
  const url = isPlain(raw) && URL.canParse(raw) ? new URL(raw) : undefined;
  if (!url || !trusted.has(url.origin) || !raw.startsWith(url.origin)) return undefined;
  // What follows the origin as it is written must be the path or the query: no user, no other port.
  return /^(?:[/?]|$)/.test(raw.slice(url.origin.length)) ? url : undefined;
}

function isPlain(raw: string): boolean {
  return PLAIN.test(raw) && !/[\\#]/.test(raw);
}
