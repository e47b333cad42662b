// What the primary button does: give examples, by one gesture or another, or move the image.

export type Tool = "examples" | "stroke" | "outline" | "pan";

export class Tools {
  readonly #changed: () => void;
  #tool: Tool = "examples";
  #held = false;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** What is in the hand now. */
  get tool(): Tool {
    return this.#held ? "pan" : this.#tool;
  }

  /** Whether a drag moves the image: by choice, or as long as a key is held. */
  get panning(): boolean {
    return this.tool === "pan";
  }

  choose(tool: Tool): void {
    this.#tool = tool;
    this.#changed();
  }

  /** Takes a tool, or puts it away again. */
  toggle(tool: Tool): void {
    this.choose(this.#tool === tool ? "examples" : tool);
  }

  hold(held: boolean): void {
    if (held !== this.#held) {
      this.#held = held;
      this.#changed();
    }
  }
}
