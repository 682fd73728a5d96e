import t from 'tap';
import { checkCertificateUrl, isSubscribeUrl, readOrigin } from '../../lib/sns/certificate-url.js';

const HEX = 'f3ecfb7224c7233fe7bb5f59f96de52f';
const PEM = `/SimpleNotificationService-${HEX}.pem`;
const AWS = 'https://sns.us-east-1.amazonaws.com';
const NONE = new Set<string>();
const TRUSTED = new Set(['http://127.0.0.1:4000', 'https://sns.example.com']);

void t.test('certificates of AWS', async (t) => {
  const hosts: Record<string, [region: string, domain: string]> = {
    'sns.us-east-1.amazonaws.com': ['us-east-1', 'amazonaws.com'],
    'sns.ap-southeast-7.amazonaws.com': ['ap-southeast-7', 'amazonaws.com'],
    'sns.us-gov-west-1.amazonaws.com': ['us-gov-west-1', 'amazonaws.com'],
    'sns.cn-northwest-1.amazonaws.com.cn': ['cn-northwest-1', 'amazonaws.com.cn'],
    'sns.il-central-1.amazonaws.com': ['il-central-1', 'amazonaws.com'],
  };
  for (const [host, [region, domain]] of Object.entries(hosts)) {
    const href = `https://${host}${PEM}`;
    t.same(checkCertificateUrl(href, NONE), { href, aws: { region, domain } }, host);
  }
});

const NOT_AWS: Record<string, string> = {
  empty: '',
  'plain http': `http://sns.us-east-1.amazonaws.com${PEM}`,
  'another scheme': `ftp://sns.us-east-1.amazonaws.com${PEM}`,
  'the scheme in capitals': `HTTPS://sns.us-east-1.amazonaws.com${PEM}`,
  'the host in capitals': `https://SNS.us-east-1.amazonaws.com${PEM}`,
  'no slashes': `https:sns.us-east-1.amazonaws.com${PEM}`,
  'one slash': `https:/sns.us-east-1.amazonaws.com${PEM}`,
  'three slashes': `https:///sns.us-east-1.amazonaws.com${PEM}`,
  backslashes: `https:\\\\sns.us-east-1.amazonaws.com${PEM}`,
  'no region': `https://sns.amazonaws.com${PEM}`,
  'no number': `https://sns.us-east.amazonaws.com${PEM}`,
  'another service': `https://sqs.us-east-1.amazonaws.com${PEM}`,
  'a bucket named sns': `https://sns.s3.amazonaws.com${PEM}`,
  'a bucket named sns, with a dash and region': `https://sns.s3-us-west-2.amazonaws.com${PEM}`,
  'a bucket named sns, with a dot and region': `https://sns.s3.us-west-2.amazonaws.com${PEM}`,
  'a website bucket': `https://sns.s3-website-us-east-1.amazonaws.com${PEM}`,
  'a path-style bucket': `https://s3.amazonaws.com/sns${PEM}`,
  'a machine at EC2': `https://sns.compute-1.amazonaws.com${PEM}`,
  'a label before': `https://evil.sns.us-east-1.amazonaws.com${PEM}`,
  'a name before': `https://evilsns.us-east-1.amazonaws.com${PEM}`,
  'a label after': `https://sns.us-east-1.amazonaws.com.evil.com${PEM}`,
  'a name after': `https://sns.us-east-1.amazonaws.community${PEM}`,
  'another top level': `https://sns.us-east-1.amazonaws.com.de${PEM}`,
  'the region as a domain': `https://sns.evil.com/.us-east-1.amazonaws.com${PEM}`,
  'any character for the dot': `https://sns.us-east-1xamazonaws.com${PEM}`,
  'a trailing dot': `https://sns.us-east-1.amazonaws.com.${PEM}`,
  'the host as a user': `https://sns.us-east-1.amazonaws.com@evil.com${PEM}`,
  'the host as a user, with a password': `https://sns.us-east-1.amazonaws.com:x@evil.com${PEM}`,
  'a user': `https://user@sns.us-east-1.amazonaws.com${PEM}`,
  'an empty user': `https://@sns.us-east-1.amazonaws.com${PEM}`,
  'a port': `https://sns.us-east-1.amazonaws.com:8443${PEM}`,
  'the default port': `https://sns.us-east-1.amazonaws.com:443${PEM}`,
  'an empty port': `https://sns.us-east-1.amazonaws.com:${PEM}`,
  'a query': `https://sns.us-east-1.amazonaws.com${PEM}?x=.pem`,
  'an action of the API that could quote a certificate': `${AWS}/?Action=GetTopicAttributes&x=${PEM}`,
  'a fragment': `https://sns.us-east-1.amazonaws.com${PEM}#x`,
  'a fragment as a path': `https://evil.com/#.sns.us-east-1.amazonaws.com${PEM}`,
  'a path above': `https://sns.us-east-1.amazonaws.com/x/..${PEM}`,
  'an encoded path above': `https://sns.us-east-1.amazonaws.com/%2e%2e${PEM}`,
  'a path before': `https://sns.us-east-1.amazonaws.com/x${PEM}`,
  'a double slash': `https://sns.us-east-1.amazonaws.com/${PEM}`,
  'another file': `${AWS}/evil.pem`,
  'no hex': `${AWS}/SimpleNotificationService-.pem`,
  'not hex': `${AWS}/SimpleNotificationService-xyz.pem`,
  'hex without end': `${AWS}/SimpleNotificationService-${'a'.repeat(65)}.pem`,
  'another ending': `${AWS}/SimpleNotificationService-${HEX}.key`,
  'something after the ending': `${AWS}${PEM}.evil`,
  'an encoded ending': `${AWS}/SimpleNotificationService-${HEX}%2epem`,
  'an encoded dot in the host': `https://sns.us-east-1%2eamazonaws.com${PEM}`,
  'an encoded letter in the host': `https://sn%73.us-east-1.amazonaws.com${PEM}`,
  'a wide letter in the host': `https://ｓns.us-east-1.amazonaws.com${PEM}`,
  'an ideographic full stop': `https://sns。us-east-1.amazonaws.com${PEM}`,
  'a Cyrillic letter': `https://sns.us-east-1.аmazonaws.com${PEM}`,
  'a soft hyphen': `https://sns\u00ad.us-east-1.amazonaws.com${PEM}`,
  'a tab in the scheme': `ht\ttps://sns.us-east-1.amazonaws.com${PEM}`,
  'a newline in the host': `https://sns.us-east-1.\namazonaws.com${PEM}`,
  'a newline at the end': `${AWS}${PEM}\n`,
  'a space before': ` ${AWS}${PEM}`,
  'a NUL at the end': `${AWS}${PEM}\0`,
  'an address': `https://169.254.169.254${PEM}`,
};

void t.test('what only looks like AWS', async (t) => {
  for (const [name, url] of Object.entries(NOT_AWS)) {
    t.equal(checkCertificateUrl(url, NONE), undefined, name);
    t.equal(checkCertificateUrl(url, TRUSTED), undefined, `${name}, with trusted origins`);
  }
});

void t.test('certificates of trusted origins', async (t) => {
  for (const href of ['http://127.0.0.1:4000/cert.pem', 'https://sns.example.com/a/b-c_1.pem']) {
    t.same(checkCertificateUrl(href, TRUSTED), { href, aws: null });
    t.equal(checkCertificateUrl(href, NONE), undefined, 'not without the setting');
  }
});

/** `PATH` stands for whatever path the rule under test would take. */
const NOT_TRUSTED: Record<string, string> = {
  'another port': 'http://127.0.0.1:4001PATH',
  'a longer port': 'http://127.0.0.1:40000PATH',
  'no port': 'http://127.0.0.1PATH',
  'another scheme': 'https://127.0.0.1:4000PATH',
  'another name for it': 'http://localhost:4000PATH',
  'another writing of it': 'http://127.1:4000PATH',
  'the origin as a user': 'http://127.0.0.1:4000@evil.comPATH',
  'a user': 'http://user@127.0.0.1:4000PATH',
  'an empty user': 'http://@127.0.0.1:4000PATH',
  'no slashes': 'http:127.0.0.1:4000PATH',
  backslashes: 'http:\\\\127.0.0.1:4000PATH',
  'a backslash before another host': 'http://127.0.0.1:4000\\@evil.comPATH',
  capitals: 'HTTP://127.0.0.1:4000PATH',
  'the default port': 'https://sns.example.com:443PATH',
  'a trailing dot': 'https://sns.example.com.PATH',
  'a host below': 'https://x.sns.example.comPATH',
  'a longer host': 'https://sns.example.com.evil.comPATH',
  'a tab': 'http://127.0.0.1:4000\tPATH',
  'a space before': ' http://127.0.0.1:4000PATH',
  'a newline at the end': 'http://127.0.0.1:4000PATH\n',
  'a fragment': 'http://127.0.0.1:4000PATH#x',
  'an empty fragment': 'http://127.0.0.1:4000PATH#',
};

void t.test('what only looks like a trusted origin', async (t) => {
  for (const [name, url] of Object.entries(NOT_TRUSTED)) {
    t.equal(checkCertificateUrl(url.replace('PATH', '/cert.pem'), TRUSTED), undefined, name);
    t.equal(isSubscribeUrl(url.replace('PATH', '/confirm?Token=x'), TRUSTED), false, `${name}, SubscribeURL`);
  }
  const paths = [
    '',
    '/',
    '/cert',
    '/cert.pem?x',
    '/cert.pem?',
    '/x/../cert.pem',
    '/x/%2e%2e/cert.pem',
    '/cert?x=.pem',
  ];
  for (const path of paths) {
    t.equal(checkCertificateUrl(`http://127.0.0.1:4000${path}`, TRUSTED), undefined, path);
  }
});

void t.test('SubscribeURLs', async (t) => {
  const action = 'Action=ConfirmSubscription';
  const good = [
    `${AWS}/?${action}&TopicArn=arn:aws:sns:us-east-1:123456789012:MyTopic&Token=51b2ff3edb475b7d`,
    `https://sns.cn-north-1.amazonaws.com.cn/?${action}&Token=x`,
    `${AWS}/?Token=x&${action}`,
  ];
  for (const url of good) t.equal(isSubscribeUrl(url, NONE), true, url);
  const bad: Record<string, string> = {
    'no query': `${AWS}/`,
    'no path': `${AWS}?${action}`,
    'another path': `${AWS}/x?${action}`,
    'another action': `${AWS}/?Action=Unsubscribe&SubscriptionArn=x`,
    'two actions': `${AWS}/?${action}&Action=Unsubscribe`,
    'an action twice': `${AWS}/?${action}&${action}`,
    'the action in another case': `${AWS}/?action=ConfirmSubscription`,
    'a fragment': `${AWS}/?${action}#x`,
    'a space': `${AWS}/?${action}&Token=a b`,
    'no end': `${AWS}/?${action}&Token=${'x'.repeat(5_000)}`,
    'plain http': `http://sns.us-east-1.amazonaws.com/?${action}`,
    'a bucket': `https://sns.s3-us-west-2.amazonaws.com/?${action}`,
    'a port': `https://sns.us-east-1.amazonaws.com:8443/?${action}`,
    'a user': `https://sns.us-east-1.amazonaws.com@evil.com/?${action}`,
    'a label after': `https://sns.us-east-1.amazonaws.com.evil.com/?${action}`,
    'a trusted origin that is not': `http://127.0.0.1:4000/?${action}`,
    'the address of credentials': 'http://169.254.169.254/latest/meta-data/',
    'a file': 'file:///etc/passwd',
    'no URL': 'x',
  };
  for (const [name, url] of Object.entries(bad)) t.equal(isSubscribeUrl(url, NONE), false, name);
  for (const path of ['', '/', '/any/path', '/?any=query', '?any=query', '/confirm?Token=a%20b']) {
    t.equal(isSubscribeUrl(`http://127.0.0.1:4000${path}`, TRUSTED), true, `trusted ${path}`);
  }
});

void t.test('origins in the settings', async (t) => {
  const good: Record<string, string> = {
    'http://127.0.0.1:4000': 'http://127.0.0.1:4000',
    'https://sns.example.com/': 'https://sns.example.com',
    'HTTPS://SNS.Example.com': 'https://sns.example.com',
    'http://[::1]:4000': 'http://[::1]:4000',
  };
  for (const [text, origin] of Object.entries(good)) t.equal(readOrigin(text), origin, text);
  const bad = [
    '',
    '*',
    'sns.example.com',
    'https://',
    'https://x/path',
    'https://x?q',
    'https://x#f',
    'https://u@x',
  ];
  for (const text of [...bad, 'https://*.example.com/x', 'file:///x', 'ftp://x', 'https:x', 'https://x\\']) {
    t.equal(readOrigin(text), undefined, text);
  }
});
