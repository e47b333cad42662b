// Asks the kernel for tiles over the comm, and hands out what comes back.

import type { Bytes, MessageFromKernel, Send, TileAddress } from "./protocol";

/** What becomes of a tile somebody asked for. One of the two is called, once, unless the request is aborted. */
export interface Answer {
  /** Its encoded bytes; the tile is waited for until the promise is settled. */
  arrived(bytes: Bytes, mime: string): Promise<void>;
  refused(reason: string): void;
}

type AnswerFromKernel = Extract<MessageFromKernel, { type: "tile" | "refused" }>;

export class TileBroker {
  readonly #view: string;
  readonly #send: Send;
  readonly #nextFrame: (task: () => void) => void;
  readonly #pendingChanged: (pending: number) => void;
  readonly #asked = new Map<number, Answer>();
  /** Arrived, and being decoded. */
  readonly #decoding = new Set<number>();
  #aborted: number[] = [];
  #lastId = 0;
  #closed = false;

  constructor(
    view: string,
    send: Send,
    nextFrame: (task: () => void) => void,
    pendingChanged: (pending: number) => void = () => {},
  ) {
    this.#view = view;
    this.#send = send;
    this.#nextFrame = nextFrame;
    this.#pendingChanged = pendingChanged;
  }

  /** Number of tiles that are waited for. */
  get pending(): number {
    return this.#asked.size + this.#decoding.size;
  }

  request(address: TileAddress, answer: Answer): number {
    const id = ++this.#lastId;
    this.#asked.set(id, answer);
    this.#send({ type: "tile", view: this.#view, id, ...address });
    this.#report();
    return id;
  }

  /** Nobody waits for a tile any more. The kernel is told once per frame, of all at once. */
  abort(id: number): void {
    const decoded = this.#decoding.delete(id);
    if (this.#asked.delete(id)) {
      this.#aborted.push(id);
      if (this.#aborted.length === 1) {
        this.#nextFrame(() => this.#sendAborts());
      }
    } else if (!decoded) {
      return;
    }
    this.#report();
  }

  /** Takes a message of the kernel, which may be meant for another view, or be late. */
  take(message: AnswerFromKernel, buffers: readonly Bytes[]): void {
    const answer = message.view === this.#view ? this.#asked.get(message.id) : undefined;
    if (answer === undefined) {
      return;
    }
    this.#asked.delete(message.id);
    const bytes = buffers[0];
    if (message.type === "refused") {
      answer.refused(message.reason);
    } else if (bytes === undefined) {
      answer.refused("a tile came without its bytes");
    } else {
      this.#decode(message.id, answer.arrived(bytes, message.mime));
    }
    this.#report();
  }

  /** Forgets all; whoever closes the view tells the kernel. */
  close(): void {
    this.#closed = true;
    this.#asked.clear();
    this.#decoding.clear();
    this.#aborted = [];
  }

  #decode(id: number, decoded: Promise<void>): void {
    this.#decoding.add(id);
    const finish = () => {
      if (this.#decoding.delete(id)) {
        this.#report();
      }
    };
    decoded.then(finish, finish);
  }

  #sendAborts(): void {
    if (this.#aborted.length > 0) {
      this.#send({ type: "abort", view: this.#view, ids: this.#aborted });
      this.#aborted = [];
    }
  }

  #report(): void {
    if (!this.#closed) {
      this.#pendingChanged(this.pending);
    }
  }
}
