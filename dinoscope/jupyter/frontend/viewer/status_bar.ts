// The bar below the image: how large things are, which section, where the pointer is.

import { isInside } from "./coordinates";
import { element } from "./dom";
import type { Position, Scene } from "./protocol";
import { scaleBar, zoomLabel } from "./scale_bar";

export class StatusBar {
  readonly element: HTMLElement;
  readonly slider = element("input", "slider", { type: "range", min: "0", step: "1", "aria-label": "Section" });
  readonly #scale = element("span", "scale", { title: "Scale" });
  readonly #scaleLabel = element("span", "scale-label");
  readonly #sections: HTMLElement;
  readonly #sectionLabel = element("span", "section-label");
  readonly #position = element("span", "position", { title: "Voxel under the pointer" });
  readonly #zoom = element("span", "zoom", { title: "Zoom: 100 % is one pixel of the screen per voxel" });
  #scene: Scene | null = null;
  #zoomed: number | null = null;
  #pointed: Position | null = null;

  constructor(chosen: (section: number) => void) {
    this.slider.addEventListener("input", () => chosen(this.slider.valueAsNumber));
    this.#sections = element("span", "sections", {}, this.slider, this.#sectionLabel);
    const scale = element("span", "scale-box", {}, this.#scale, this.#scaleLabel);
    const numbers = element("span", "numbers", {}, this.#position, this.#zoom);
    this.element = element("div", "status", {}, scale, this.#sections, numbers);
  }

  showScene(scene: Scene): void {
    this.#scene = scene;
    this.element.hidden = scene.width === 0;
    this.#sections.hidden = scene.sections <= 1;
    this.#showScale();
    this.#showPosition();
  }

  showSection(section: number, sections: number): void {
    this.slider.max = String(sections - 1);
    this.slider.value = String(section);
    this.#sectionLabel.textContent = `section ${section + 1} of ${sections}`;
  }

  showZoom(zoom: number): void {
    this.#zoomed = zoom;
    this.#zoom.textContent = zoomLabel(zoom);
    this.#showScale();
  }

  /** Shows the voxel at a position of edges. */
  showPosition(edge: Position | null): void {
    this.#pointed = edge;
    this.#showPosition();
  }

  #showScale(): void {
    if (this.#zoomed !== null && this.#scene !== null) {
      const { width, label } = scaleBar(this.#zoomed, this.#scene.pixel_nm);
      this.#scale.style.width = `${width}px`;
      this.#scaleLabel.textContent = label;
    }
  }

  #showPosition(): void {
    const [scene, edge] = [this.#scene, this.#pointed];
    if (scene === null || edge === null || !isInside(edge, scene)) {
      this.#position.textContent = "";
      return;
    }
    const voxel = [Math.floor(edge.y), Math.floor(edge.x)];
    this.#position.textContent = (scene.sections > 1 ? [scene.section, ...voxel] : voxel).join(", ");
  }
}
