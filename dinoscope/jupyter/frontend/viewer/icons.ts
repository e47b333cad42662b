// Icons on a grid of 16 by 16, drawn with strokes in the colour of the text.

const SHAPES = {
  // A crosshair around a dot: where the example is.
  examples: '<circle cx="8" cy="8" r="4.5"/><path d="M8 1.5v3M8 11.5v3M1.5 8h3M11.5 8h3"/>'
    + '<circle cx="8" cy="8" r="1" fill="currentColor" stroke="none"/>',
  // A line that wanders, and one that comes back to where it began.
  stroke: '<path d="M2.5 12c2.5 1.5 4-8 6.5-8s-.5 8 2 8c1.5 0 2-1.5 2.5-3"/>',
  outline: '<path d="M8 3c3.5 0 5.5 1.8 5.5 4.5S11 12.5 7.5 12.5 2.5 10.7 2.5 8 4.5 3 8 3Z" stroke-dasharray="2.4 1.8"/>',
  pan: '<path d="M8 1.5v13M1.5 8h13M6 3.5 8 1.5l2 2M6 12.5l2 2 2-2M3.5 6l-2 2 2 2M12.5 6l2 2-2 2"/>',
  positive: '<path d="M8 3.5v9M3.5 8h9"/>',
  negative: '<path d="M3.5 8h9"/>',
  zoomIn: '<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3.5 3.5M7 5v4M5 7h4"/>',
  zoomOut: '<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3.5 3.5M5 7h4"/>',
  whole: '<rect x="2" y="3" width="12" height="10" rx="1.5"/><path d="m4 11 3-3.8 2.2 2.4 1.2-1.2L12 11"/>',
  fullscreen: '<path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10"/>',
} as const;

export type IconName = keyof typeof SHAPES;

export function icon(name: IconName): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const attributes = {
    viewBox: "0 0 16 16", width: "16", height: "16", fill: "none", stroke: "currentColor", "stroke-width": "1.4",
    "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true",
  };
  Object.entries(attributes).forEach(([key, value]) => svg.setAttribute(key, value));
  svg.innerHTML = SHAPES[name]; // Constants of this file only.
  return svg;
}
