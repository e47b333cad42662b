// What the primary button does: give examples, or move the image.

export type Tool = "examples" | "pan";

export class Tools {
  readonly #changed: () => void;
  #tool: Tool = "examples";
  #held = false;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get tool(): Tool {
    return this.#tool;
  }

  /** Whether a drag moves the image: by choice, or as long as a key is held. */
  get panning(): boolean {
    return this.#held || this.#tool === "pan";
  }

  choose(tool: Tool): void {
    this.#tool = tool;
    this.#changed();
  }

  toggle(): void {
    this.choose(this.#tool === "pan" ? "examples" : "pan");
  }

  hold(held: boolean): void {
    if (held !== this.#held) {
      this.#held = held;
      this.#changed();
    }
  }
}
