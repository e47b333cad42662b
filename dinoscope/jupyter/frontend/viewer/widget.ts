// A view of the widget: puts its parts together, and listens to the kernel.

import type { AnyModel } from "@anywidget/types";

import type { Point } from "./coordinates";
import { element } from "./dom";
import { ImageView } from "./image_view";
import { listenToKeys } from "./keyboard";
import { ZOOM_STEP, type Command } from "./keys";
import { isSameImage } from "./layer_plan";
import { actionMessage } from "./messages";
import type { Bytes, MessageFromKernel, Scene, Send, ViewerTraits } from "./protocol";
import { RubberBand } from "./rubber_band";
import { SectionControl } from "./section_control";
import { StatusBar } from "./status_bar";
import { TileBroker } from "./tile_broker";
import { Toasts } from "./toasts";
import { Toolbar } from "./toolbar";
import { Tools } from "./tools";
import { Trail } from "./trail";

/** The element of a view, with what tests from outside need. */
export interface ViewerRoot extends HTMLElement {
  /** Where a voxel (index position, 0 is the centre of the first) is in the window; null without an image. */
  voxelToClient(y: number, x: number): Point | null;
}

export class ViewerWidget {
  readonly root: ViewerRoot;
  readonly #model: AnyModel<ViewerTraits>;
  readonly #view = randomName();
  readonly #send: Send;
  readonly #ended = new AbortController();
  readonly #stage: HTMLElement;
  readonly #host = element("div", "host");
  readonly #empty = element("div", "empty", {}, "No image yet");
  readonly #toolbar: Toolbar;
  readonly #status: StatusBar;
  readonly #toasts = new Toasts();
  readonly #band = new RubberBand();
  readonly #trail = new Trail();
  readonly #tools = new Tools(() => this.#showTool());
  readonly #broker: TileBroker;
  readonly #sections: SectionControl;
  readonly #resizes = new ResizeObserver(() => this.#resized());
  #scene: Scene;
  #image: ImageView | null = null;

  constructor(model: AnyModel<ViewerTraits>) {
    this.#model = model;
    this.#scene = model.get("scene");
    this.#send = (message) => {
      try {
        model.send(message);
      } catch {
        this.#toasts.say("The kernel is gone: run the cell again.", "error");
      }
    };
    this.#toolbar = new Toolbar({
      chooseTool: (tool) => this.#tools.choose(tool),
      toggleSign: () => this.#send({ type: "action", action: "toggle" }),
      zoomIn: () => this.#image?.camera.zoomBy(ZOOM_STEP),
      zoomOut: () => this.#image?.camera.zoomBy(1 / ZOOM_STEP),
      showWhole: () => this.#image?.camera.lookAt(null),
      toggleFullscreen: () => void this.#toggleFullscreen(),
    });
    this.#status = new StatusBar((section) => this.#sections.choose(section));
    this.#sections = new SectionControl(this.#send, (section, sections) => this.#status.showSection(section, sections));
    this.#stage = element("div", "stage", {}, this.#host, this.#band.element, this.#trail.element, this.#empty, this.#toolbar.element,
      this.#toasts.element);
    this.root = this.#createRoot();
    this.#broker = new TileBroker(this.#view, this.#send, requestAnimationFrame.bind(window),
      (pending) => this.root.setAttribute("data-pending", String(pending)));
    this.#listen();
    this.#send({ type: "opened", view: this.#view });
    this.#showHeight();
    this.#showTool();
    this.#showScene();
  }

  close(): void {
    this.#ended.abort();
    this.#resizes.disconnect();
    this.#model.off("change:scene", this.#sceneChanged);
    this.#model.off("change:height", this.#showHeight);
    this.#model.off("msg:custom", this.#take);
    this.#sections.close();
    this.#toasts.close();
    this.#broker.close();
    this.#closeImage();
    this.root.remove();
    this.#send({ type: "closed", view: this.#view });
  }

  #createRoot(): ViewerRoot {
    const root = element("div", "viewer", {
      tabindex: "0",
      role: "application",
      "aria-label": "Image",
      "data-lm-suppress-shortcuts": "true", // JupyterLab leaves keys alone that are pressed in such elements.
      "data-ready": "false",
      "data-pending": "0",
    }, this.#stage, this.#status.element);
    const voxelToClient = (y: number, x: number) => this.#image?.clientOf({ y, x }) ?? null;
    return Object.assign(root, { voxelToClient });
  }

  #listen(): void {
    const { signal } = this.#ended;
    this.#model.on("change:scene", this.#sceneChanged);
    this.#model.on("change:height", this.#showHeight);
    this.#model.on("msg:custom", this.#take);
    this.#resizes.observe(this.#host);
    this.#host.addEventListener("pointerdown", () => this.root.focus({ preventScroll: true }), { signal });
    document.addEventListener("fullscreenchange", () => this.#toolbar.showFullscreen(this.#isFullscreen()), { signal });
    listenToKeys(this.root, {
      sections: () => this.#scene.sections,
      perform: (command) => this.#perform(command),
      hold: (held) => this.#tools.hold(held),
    }, signal);
  }

  // Kept as properties, since they are taken off the model as they were put on it.

  readonly #sceneChanged = () => {
    const before = this.#scene;
    this.#scene = this.#model.get("scene");
    if (!isSameImage(before, this.#scene)) {
      this.#closeImage();
    }
    this.#showScene();
  };

  readonly #showHeight = () => {
    this.root.style.height = `${this.#model.get("height")}px`;
  };

  readonly #take = (message: MessageFromKernel, buffers: readonly Bytes[]) => {
    switch (message.type) {
      case "tile":
      case "refused":
        this.#broker.take(message, buffers);
        break;
      case "look":
        this.#image?.lookAt(message);
        break;
      case "say":
        this.#toasts.say(message.text, message.kind);
        break;
    }
  };

  #showScene(): void {
    const { brush, width } = this.#scene;
    this.#empty.hidden = width > 0;
    this.root.style.setProperty("--dinoscope-brush", brush.colour);
    this.root.setAttribute("data-positive", String(brush.positive));
    this.#toolbar.showBrush(brush);
    this.#status.showScene(this.#scene);
    this.#sections.confirm(this.#scene);
    if (this.#image === null) {
      this.#openImage();
    } else {
      this.#image.show(this.#scene);
    }
  }

  /** Opens the image, if there is one, and room for it: notebooks render widgets before they put them on the page. */
  #openImage(): void {
    if (this.#scene.width === 0 || this.#host.clientWidth === 0 || this.#host.clientHeight === 0) {
      return;
    }
    this.#image = new ImageView({
      host: this.#host,
      scene: this.#scene,
      broker: this.#broker,
      tools: this.#tools,
      band: this.#band,
      trail: this.#trail,
      send: this.#send,
      zoomed: (zoom) => this.#status.showZoom(zoom),
      ready: (ready) => this.root.setAttribute("data-ready", String(ready)),
      pointed: (edge) => this.#status.showPosition(edge),
    });
  }

  #closeImage(): void {
    this.#image?.close();
    this.#image = null;
    this.root.setAttribute("data-ready", "false");
  }

  #resized(): void {
    if (this.#image === null) {
      this.#openImage();
    } else if (this.#host.clientWidth > 0 && this.#host.clientHeight > 0) {
      this.#image.resized();
    }
  }

  #perform(command: Command): boolean {
    const message = actionMessage(command);
    if (message !== null) {
      this.#send(message);
      return true;
    }
    switch (command.do) {
      case "tool":
        this.#tools.toggle(command.tool);
        break;
      case "hold to pan":
        this.#tools.hold(true);
        break;
      case "cancel":
        return this.#image?.gestures.cancel() ?? false;
      case "section":
        this.#sections.moveBy(command.by);
        break;
      case "whole image":
        this.#image?.camera.lookAt(null);
        break;
      case "zoom":
        this.#image?.camera.zoomBy(command.factor);
        break;
      case "pan":
        this.#image?.camera.stride(command.right, command.down);
        break;
    }
    return true;
  }

  #showTool(): void {
    this.#toolbar.showTool(this.#tools.tool);
    this.root.setAttribute("data-panning", String(this.#tools.panning));
  }

  #isFullscreen(): boolean {
    return document.fullscreenElement === this.root;
  }

  async #toggleFullscreen(): Promise<void> {
    try {
      await (this.#isFullscreen() ? document.exitFullscreen() : this.root.requestFullscreen());
    } catch {
      this.#toasts.say("The browser does not allow fullscreen here.", "info");
    }
  }
}

/** Names a view. Not `crypto.randomUUID`, which browsers do not have on pages without TLS. */
function randomName(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
