// Which section to say that we are at, while the kernel is still on its way there.

export class SectionChoice {
  #sections = 1;
  #ofKernel = 0;
  #chosen: number | null = null;

  /** The section to show in the controls. */
  get current(): number {
    return this.#chosen ?? this.#ofKernel;
  }

  get sections(): number {
    return this.#sections;
  }

  /** Somebody moved on. Returns whether that is another section than before. */
  choose(section: number): boolean {
    const before = this.current;
    this.#chosen = Math.min(Math.max(Math.round(section), 0), this.#sections - 1);
    return this.#chosen !== before;
  }

  /** The kernel says where it is; sections that were passed on the way do not move the controls back. */
  confirm(section: number, sections: number): void {
    const isOtherStack = sections !== this.#sections;
    this.#sections = sections;
    this.#ofKernel = section;
    if (isOtherStack || section === this.#chosen) {
      this.#chosen = null;
    }
  }

  /** The kernel had its time: what it said is what is true. */
  settle(): void {
    this.#chosen = null;
  }
}
