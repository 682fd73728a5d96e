import type { Worker } from 'node:cluster';
import { withDeadline } from '../deadline.js';
import type { Figures } from './figures.js';
import { ANSWER_WITHIN, type ToChild, type ToParent } from './messages.js';

/** The parent's part in the figures of all: it hands questions and answers on. */
export class Switchboard {
  readonly #members = new Set<Worker>();
  readonly #waiting = new Map<string, (figures: Figures) => void>();

  /** Takes a process in, until it is gone. */
  connect(member: Worker): void {
    this.#members.add(member);
    member.once('exit', () => this.#members.delete(member));
    member.on('message', (message: ToParent) => {
      if (message.is === 'ask') void this.#ask(member, message.question);
      else if (message.is === 'answer')
        this.#waiting.get(`${message.question}:${member.id}`)?.(message.figures);
    });
  }

  /** One that does not answer in time is left out: a gap in its series, where a sum without it would be wrong. */
  async #ask(asking: Worker, question: number): Promise<void> {
    const others = [...this.#members].filter((member) => member !== asking);
    const answers = await Promise.all(
      others.map((other) => this.#figuresOf(other, `${asking.id}:${question}`)),
    );
    tell(asking, { is: 'answered', question, figures: answers.filter((figures) => figures !== undefined) });
  }

  async #figuresOf(member: Worker, question: string): Promise<Figures | undefined> {
    const key = `${question}:${member.id}`;
    const answer = new Promise<Figures>((resolve) => this.#waiting.set(key, resolve));
    tell(member, { is: 'asked', question });
    const figures = await withDeadline(answer, ANSWER_WITHIN).catch(() => undefined);
    this.#waiting.delete(key);
    return figures;
  }
}

/** One that is gone by now has nobody to read it. */
function tell(member: Worker, message: ToChild): void {
  member.send(message, undefined, () => {});
}
