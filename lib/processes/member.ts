/** One of the processes on one port, as it sees itself. */
import cluster from 'node:cluster';
import { withDeadline } from '../deadline.js';
import type { Figures } from './figures.js';
import { ANSWER_WITHIN, type ToChild, type ToParent } from './messages.js';

export type MemberRole = 'receiver' | 'worker';

export class Member {
  /** Its place: whoever takes it after a death has the same name. */
  readonly name: string;
  readonly role: MemberRole;
  readonly #waiting = new Map<number, (figures: Figures[]) => void>();
  #own: (() => Promise<Figures>) | undefined;
  #asked = 0;

  /** `undefined` in a process that is on its own, and in the parent. */
  static current(): Member | undefined {
    const [role, name] = process.argv.slice(2);
    if (!cluster.isWorker || name === undefined) return undefined;
    return new Member(role === 'worker' ? 'worker' : 'receiver', name);
  }

  private constructor(role: MemberRole, name: string) {
    this.role = role;
    this.name = name;
    process.on('message', (message: ToChild) => {
      if (message.is === 'asked') void this.#answer(message.question);
      else this.#waiting.get(message.question)?.(message.figures);
    });
  }

  /** Tells the parent that deliveries are taken from now on. */
  up(address: string | undefined): void {
    tell({ is: 'up', address });
  }

  /** Calls back when the parent is gone, and nobody would hear of this process any more. */
  onOrphaned(end: () => void): void {
    cluster.worker?.once('disconnect', () => {
      // Otherwise Node.js ends the process at once, with all that it has in hand.
      if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
      end();
    });
  }

  /** What this process tells of itself. */
  answerWith(own: () => Promise<Figures>): void {
    this.#own = own;
  }

  /** The figures of all others that tell them in time. Never throws. */
  async others(): Promise<Figures[]> {
    const question = (this.#asked += 1);
    const answered = new Promise<Figures[]>((resolve) => this.#waiting.set(question, resolve));
    tell({ is: 'ask', question });
    // The parent has its own deadline for each.
    const figures = await withDeadline(answered, 2 * ANSWER_WITHIN).catch((): Figures[] => []);
    this.#waiting.delete(question);
    return figures;
  }

  async #answer(question: string): Promise<void> {
    const figures = await this.#own?.().catch(() => undefined);
    if (figures) tell({ is: 'answer', question, figures });
  }
}

/** To a parent that is gone, nothing can be told. */
function tell(message: ToParent): void {
  process.send?.(message, undefined, {}, () => {});
}
