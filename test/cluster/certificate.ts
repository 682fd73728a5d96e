/** A certificate of 127.0.0.1, and the authority that signed it, made by `openssl`. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openssl } from '../support/openssl.js';
import { temporaryFolder, type Owner } from '../support/store.js';

/** Paths of PEM files. */
export interface Certificate {
  ca: string;
  certificate: string;
  key: string;
}

export async function makeCertificate(owner: Owner): Promise<Certificate> {
  const folder = await temporaryFolder(owner);
  const file = (name: string) => path.join(folder, name);
  const newKey = (name: string) => ['-newkey', 'rsa:2048', '-nodes', '-keyout', file(name)];
  openssl([
    'req',
    '-x509',
    ...newKey('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
  ]);
  openssl(['req', '-new', ...newKey('server.key'), '-out', file('server.csr'), '-subj', '/CN=redis']);
  await writeFile(file('names'), 'subjectAltName=IP:127.0.0.1\n');
  const authority = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '2'];
  const signed = ['-in', file('server.csr'), '-out', file('server.pem'), '-extfile', file('names')];
  openssl(['x509', '-req', ...signed, ...authority]);
  return { ca: file('ca.pem'), certificate: file('server.pem'), key: file('server.key') };
}
