// Just enough of a browser for OpenSeadragon to be loaded by Node, for what of it needs no screen.

const anything: unknown = new Proxy(function () {}, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => "" : anything),
  apply: () => anything,
  set: () => true,
});

const browser = {
  window: globalThis,
  self: globalThis,
  document: anything,
  location: new URL("http://localhost/"),
  navigator: { userAgent: "", appVersion: "", appName: "", vendor: "" },
  addEventListener: () => {},
};
/** OpenSeadragon is to be imported afterwards. */
export function pretendToBeABrowser(): void {
  for (const [name, value] of Object.entries(browser)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
}
