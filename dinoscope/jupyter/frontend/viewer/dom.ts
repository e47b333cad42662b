// Small helpers to build elements, and to do things once per frame.

/** Prefix of all class names, so that no style of a notebook meets ours. */
const PREFIX = "dinoscope-";

type Attributes = Readonly<Record<string, string>>;

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag, name: string, attributes: Attributes = {}, ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  made.className = PREFIX + name;
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  made.append(...children);
  return made;
}

/** Calls `task` at most once per frame, with what was said last. Returns how to say it, and how to stop. */
export function perFrame<Value>(task: (value: Value) => void): { (value: Value): void; cancel(): void } {
  let frame: number | null = null;
  let latest: Value;
  const say = (value: Value) => {
    latest = value;
    frame ??= requestAnimationFrame(() => {
      frame = null;
      task(latest);
    });
  };
  const cancel = () => {
    if (frame !== null) {
      cancelAnimationFrame(frame);
      frame = null;
    }
  };
  return Object.assign(say, { cancel });
}
