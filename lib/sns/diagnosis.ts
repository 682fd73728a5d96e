/** Why does a message's signature not match? For the operator's log only: what is found here decides nothing. */
import { isModest } from '../modest-json.js';
import type { SnsMessage } from './message.js';

const PLAIN = 'The message is not what was signed, or not signed with this certificate.';

/** Is this message what was signed, with this hash? */
export type IsSigned = (message: SnsMessage, hash: string) => boolean;

/** The likely cause, found by trying what proxies and re-senders do to messages. */
export function explainBadSignature(message: SnsMessage, hash: string, isSigned: IsSigned): string {
  const other = hash === 'sha1' ? 'sha256' : 'sha1';
  if (isSigned(message, other)) {
    return `Signed with ${other}, which is not what its SignatureVersion says: something on the way has changed that.`;
  }
  const found = readings(message).find(({ reading }) => isSigned(reading, hash));
  return found ? `The message was changed on the way: ${found.change}. Have it passed on as it is.` : PLAIN;
}

function readings(message: SnsMessage): Array<{ change: string; reading: SnsMessage }> {
  const { Message: text } = message;
  const variants: Array<[change: string, text: string]> = [
    ['white space was added to Message', text.trim()],
    ['a line break was taken from the end of Message', `${text}\n`],
    ['line ends in Message were changed', text.replaceAll('\r\n', '\n')],
    ['line ends in Message were changed', text.replace(/\r?\n/g, '\r\n')],
    ['the JSON in Message was written anew', rewritten(text)],
  ];
  const changed = variants
    .filter(([, variant]) => variant !== text)
    .map(([change, variant]) => ({ change, reading: { ...message, Message: variant } }));
  return 'Subject' in message
    ? [...changed, { change: 'a Subject was added', reading: { ...message, Subject: undefined } }]
    : changed;
}

function rewritten(text: string): string {
  if (!isModest(Buffer.from(text))) return text;
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}
