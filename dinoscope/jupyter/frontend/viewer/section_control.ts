// Moves from section to section: the kernel is asked, and its answer is awaited for a while.

import { perFrame } from "./dom";
import type { Scene, Send } from "./protocol";
import { SectionChoice } from "./section_choice";

/** Milliseconds the kernel has to come to the section that was chosen. */
const PATIENCE = 3000;

export class SectionControl {
  readonly #choice = new SectionChoice();
  readonly #show: (section: number, sections: number) => void;
  readonly #ask: ReturnType<typeof perFrame<number>>;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(send: Send, show: (section: number, sections: number) => void) {
    this.#show = show;
    this.#ask = perFrame((section) => send({ type: "section", section }));
  }

  confirm({ section, sections }: Scene): void {
    this.#choice.confirm(section, sections);
    this.#showCurrent();
  }

  choose(section: number): void {
    if (this.#choice.choose(section)) {
      this.#ask(this.#choice.current);
      clearTimeout(this.#patience);
      this.#patience = setTimeout(() => {
        this.#choice.settle();
        this.#showCurrent();
      }, PATIENCE);
    }
    this.#showCurrent();
  }

  moveBy(sections: number): void {
    this.choose(this.#choice.current + sections);
  }

  close(): void {
    clearTimeout(this.#patience);
    this.#ask.cancel();
  }

  #showCurrent(): void {
    this.#show(this.#choice.current, this.#choice.sections);
  }
}
