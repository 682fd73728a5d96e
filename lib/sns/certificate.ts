import { X509Certificate, type KeyObject } from 'node:crypto';
import type { AwsHost } from './certificate-url.js';

/** One certificate and nothing around it: a page that merely quotes one is no certificate. */
const ONE_CERTIFICATE =
  /^\s*-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*$/;

const MIN_RSA_BITS = 2048;

/** `validTo` is in milliseconds since 1970; `problem` completes "the certificate …". */
export type CheckedCertificate =
  { ok: true; key: KeyObject; validTo: number } | { ok: false; problem: string };

/**
 * Is this PEM a certificate by which messages may be verified at `now` (milliseconds)? From AWS it must bear one
 * of the names that SNS signs under and be no authority's; on a trusted origin names are not looked at.
 */
export function checkCertificate(pem: string, aws: AwsHost | null, now: number): CheckedCertificate {
  if (!ONE_CERTIFICATE.test(pem)) return { ok: false, problem: 'is not exactly one PEM certificate' };
  try {
    const certificate = new X509Certificate(pem);
    const problem = findProblem(certificate, aws, now);
    if (problem) return { ok: false, problem };
    return { ok: true, key: certificate.publicKey, validTo: Date.parse(certificate.validTo) };
  } catch {
    return { ok: false, problem: 'cannot be read' };
  }
}

function findProblem(certificate: X509Certificate, aws: AwsHost | null, now: number): string | undefined {
  const key = certificate.publicKey;
  if (key.asymmetricKeyType !== 'rsa') return 'holds no RSA key';
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < MIN_RSA_BITS)
    return `has a key under ${MIN_RSA_BITS} bits`;
  // Negated, so that a date which cannot be read is refused too.
  if (!(now >= Date.parse(certificate.validFrom))) return 'is not valid yet';
  if (!(now <= Date.parse(certificate.validTo))) return 'has expired';
  if (!aws) return undefined;
  if (certificate.ca) return 'is that of an authority';
  const named = awsNames(aws).some((name) => certificate.checkHost(name, { wildcards: false }) !== undefined);
  return named ? undefined : 'is not in the name of SNS';
}

/**
 * The names under which SNS signs, by region: `sns.amazonaws.com` in the older ones, `sns-signing.<region>…` in
 * those that are opted into, `sns-<region>…` in China and GovCloud, whose east shares the west's. The list is that
 * of AWS's own verifier (aws-sdk-java-v2, SnsHostProvider).
 */
function awsNames({ region, domain }: AwsHost): string[] {
  const names = [
    `sns.${domain}`,
    `sns.${region}.${domain}`,
    `sns-signing.${region}.${domain}`,
    `sns-${region}.${domain}`,
  ];
  return region.startsWith('us-gov-') ? [...names, `sns-us-gov-west-1.${domain}`] : names;
}
