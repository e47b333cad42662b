// Which key does what. The keys are those of dinoscope's layers in napari; L and P are what draws lines and polygons
// in napari's shapes layers.

import type { PlainAction } from "./protocol";
import type { Tool } from "./tools";

export type Command =
  | { do: "act"; action: PlainAction }
  | { do: "class"; number: number }
  | { do: "tool"; tool: Exclude<Tool, "examples"> }
  | { do: "hold to pan" | "whole image" | "cancel" }
  | { do: "zoom"; factor: number }
  | { do: "pan"; right: number; down: number }
  | { do: "section"; by: number };

/** The part of a KeyboardEvent that matters. */
export interface KeyPress {
  key: string;
  code: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  repeat: boolean;
}

/** What has the focus within the viewer: its buttons and its slider need some keys for themselves. */
export type Focus = "view" | "button" | "slider";

export interface KeyContext {
  sections: number;
  focus: Focus;
}

/** How much closer one step of zooming goes. */
export const ZOOM_STEP = 1.5;

const OF_BUTTONS = new Set([" ", "Enter"]);
const OF_SLIDERS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);

const LETTERS: Readonly<Record<string, Command>> = {
  t: { do: "act", action: "toggle" },
  s: { do: "act", action: "search" },
  c: { do: "act", action: "objects" },
  l: { do: "tool", tool: "stroke" },
  p: { do: "tool", tool: "outline" },
  z: { do: "tool", tool: "pan" },
};

const OTHERS: Readonly<Record<string, Command>> = {
  " ": { do: "hold to pan" },
  Escape: { do: "cancel" },
  Home: { do: "whole image" },
  ArrowUp: { do: "pan", right: 0, down: -1 },
  ArrowDown: { do: "pan", right: 0, down: 1 },
};

const UNDO: Command = { do: "act", action: "undo" };

/** What a key press means, or null where it is none of the viewer's. */
export function commandOf(press: KeyPress, context: KeyContext): Command | null {
  if (press.altKey || isOfFocus(press.key, context.focus)) {
    return null;
  }
  if (press.ctrlKey || press.metaKey) {
    const undoes = press.key.toLowerCase() === "z" && !press.shiftKey && !(press.ctrlKey && press.metaKey);
    return undoes ? UNDO : null;
  }
  return zoomCommand(press.key) ?? (press.shiftKey ? shiftedCommand(press.key) : plainCommand(press, context));
}

/** Whether a key that is held does the same again and again; switches must not flicker. */
export function mayRepeat(command: Command): boolean {
  return command.do === "pan" || command.do === "zoom" || command.do === "section" || command === UNDO;
}

function isOfFocus(key: string, focus: Focus): boolean {
  return (focus === "button" && OF_BUTTONS.has(key)) || (focus === "slider" && OF_SLIDERS.has(key));
}

/** Plus needs Shift on some keyboards and not on others. */
function zoomCommand(key: string): Command | null {
  if (key === "+" || key === "=") {
    return { do: "zoom", factor: ZOOM_STEP };
  }
  return key === "-" || key === "_" ? { do: "zoom", factor: 1 / ZOOM_STEP } : null;
}

function shiftedCommand(key: string): Command | null {
  return key.toLowerCase() === "z" ? UNDO : null;
}

function plainCommand({ key, code }: KeyPress, { sections }: KeyContext): Command | null {
  // The code is for keyboards on which digits are typed with Shift.
  const digit = /^[1-9]$/.test(key) ? key : /^Digit([1-9])$/.exec(code)?.[1];
  if (digit !== undefined) {
    return { do: "class", number: Number(digit) };
  }
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const by = key === "ArrowRight" ? 1 : -1;
    return sections > 1 ? { do: "section", by } : { do: "pan", right: by, down: 0 };
  }
  return LETTERS[key.toLowerCase()] ?? OTHERS[key] ?? null;
}
