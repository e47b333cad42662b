// The buttons over the image.

import { element } from "./dom";
import { icon, type IconName } from "./icons";
import type { Brush } from "./protocol";
import type { Tool } from "./tools";

export interface ToolbarActions {
  chooseTool(tool: Tool): void;
  toggleSign(): void;
  zoomIn(): void;
  zoomOut(): void;
  showWhole(): void;
  toggleFullscreen(): void;
}

export class Toolbar {
  readonly element: HTMLElement;
  readonly #tools: Readonly<Record<Tool, HTMLButtonElement>>;
  readonly #sign: HTMLButtonElement;
  readonly #brush = element("span", "brush-name");
  readonly #fullscreen: HTMLButtonElement;

  constructor(actions: ToolbarActions) {
    const tool = (name: Tool, title: string) => button(name, title, () => actions.chooseTool(name));
    this.#tools = {
      examples: tool("examples", "Give examples: click, or drag a box around one object"),
      stroke: tool("stroke", "Scribble over examples (L)"),
      outline: tool("outline", "Draw around examples (P)"),
      pan: tool("pan", "Move the image (Z, or hold Space)"),
    };
    this.#sign = button("positive", "", () => actions.toggleSign());
    this.#fullscreen = button("fullscreen", "Fullscreen", () => actions.toggleFullscreen());
    this.#fullscreen.hidden = !document.fullscreenEnabled;
    const swatch = element("span", "swatch", { "aria-hidden": "true" });
    const brush = element("span", "brush", { title: "Class of the next example (1 to 9)" }, swatch, this.#brush);
    this.element = element("div", "toolbar", { role: "toolbar", "aria-label": "Viewer" },
      group(...Object.values(this.#tools)),
      element("div", "group dinoscope-brush-group", {}, this.#sign, brush),
      group(
        button("zoomIn", "Zoom in (+)", () => actions.zoomIn()),
        button("zoomOut", "Zoom out (−)", () => actions.zoomOut()),
        button("whole", "Whole image (Home)", () => actions.showWhole()),
        this.#fullscreen,
      ),
    );
    // The page must not scroll under a pointer that was zooming and came over a button.
    this.element.addEventListener("wheel", (event) => event.preventDefault(), { passive: false });
  }

  showTool(tool: Tool): void {
    Object.entries(this.#tools).forEach(([name, made]) => press(made, name === tool));
  }

  showBrush({ class_name, positive }: Brush): void {
    this.#brush.textContent = class_name;
    this.#sign.replaceChildren(icon(positive ? "positive" : "negative"));
    const title = positive ? "The next click is an example" : "The next click is a counter-example";
    label(this.#sign, `${title} (T)`);
    press(this.#sign, !positive);
  }

  showFullscreen(fullscreen: boolean): void {
    press(this.#fullscreen, fullscreen);
  }
}

function button(name: IconName, title: string, clicked: () => void): HTMLButtonElement {
  const made = element("button", "button", { type: "button" }, icon(name));
  label(made, title);
  made.addEventListener("click", clicked);
  return made;
}

function group(...children: Node[]): HTMLElement {
  return element("div", "group", {}, ...children);
}

function label(button: HTMLButtonElement, title: string): void {
  button.title = title;
  button.setAttribute("aria-label", title);
}

function press(button: HTMLButtonElement, pressed: boolean): void {
  button.setAttribute("aria-pressed", String(pressed));
}
