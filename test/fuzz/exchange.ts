/** Bytes out, answers in: one after the other on a connection that is kept while the receiver keeps it. */
import net from 'node:net';

export interface Reply {
  status: number;
  body: string;
}

/** Milliseconds. A connection on which nothing moves for so long after odd bytes is waiting for more of them. */
const QUIET = 150;
const LIMIT = 30_000;

const NO_BODY = new Set([204, 304]);

export class Line {
  readonly #port: number;
  #socket: net.Socket | undefined;

  constructor(address: string) {
    this.#port = Number(new URL(address).port);
  }

  /**
   * Sends a whole request and answers what came back; `undefined` when the connection was closed without a word.
   * @throws when nothing comes for half a minute
   */
  async ask(bytes: Buffer, isHead = false): Promise<Reply | undefined> {
    const socket = this.#socket ?? (await this.#open());
    this.#socket = undefined;
    const [reply, keep] = await new Promise<[Reply | undefined, boolean]>((resolve, reject) => {
      let text = '';
      const done = (reply: Reply | undefined, keep: boolean) => {
        clearTimeout(limit);
        socket.removeAllListeners('data').removeAllListeners('close');
        resolve([reply, keep]);
      };
      const limit = setTimeout(() => reject(new Error('no answer in half a minute')), LIMIT);
      socket.on('data', (part: string) => {
        text += part;
        const [answer] = read(text, isHead);
        if (answer)
          done(answer, !/\r\nconnection: close\r\n/i.test(text.slice(0, text.indexOf('\r\n\r\n') + 2)));
      });
      socket.on('close', () => done(undefined, false));
      socket.write(bytes);
    });
    if (keep) this.#socket = socket;
    else socket.destroy();
    return reply;
  }

  /** Sends bytes that may be anything on a connection of their own; answers all that came back. */
  async throwAt(bytes: Buffer): Promise<Reply[]> {
    const socket = await this.#open();
    const text = await new Promise<string>((resolve) => {
      let received = '';
      const done = () => {
        socket.destroy();
        resolve(received);
      };
      socket.setTimeout(QUIET, done);
      socket.on('data', (part: string) => (received += part)).on('close', done);
      socket.write(bytes);
    });
    return read(text, false);
  }

  close(): void {
    this.#socket?.destroy();
  }

  async #open(): Promise<net.Socket> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(this.#port, '127.0.0.1');
      socket.setEncoding('latin1').setNoDelay(true);
      socket.once('error', reject).once('connect', () => {
        socket.removeAllListeners('error').on('error', () => {});
        resolve(socket);
      });
    });
  }
}

/** The whole answers in what was received. */
function read(text: string, isHead: boolean): Reply[] {
  const replies: Reply[] = [];
  for (let rest = text; ;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return replies;
    const head = rest.slice(0, end + 2);
    const status = Number(head.slice(9, 12));
    const found = /\r\ncontent-length: (\d+)\r\n/i.exec(head);
    const empty = isHead || NO_BODY.has(status) || status < 200;
    // Chunked answers are those of /metrics and of static files: their end is all that matters here.
    const length = empty ? 0 : found ? Number(found[1]) : rest.indexOf('0\r\n\r\n', end + 4) + 5 - (end + 4);
    if (rest.length < end + 4 + length || (!found && !empty && !rest.includes('0\r\n\r\n', end + 4)))
      return replies;
    if (status >= 200) replies.push({ status, body: rest.slice(end + 4, end + 4 + length) });
    rest = rest.slice(end + 4 + length);
  }
}
