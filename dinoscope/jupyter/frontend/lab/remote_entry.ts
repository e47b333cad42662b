// What JupyterLab loads as a script: it looks for the container under the extension's name.
import { createContainer, type Container } from "./container";

declare global {
  interface Window {
    _JUPYTERLAB?: Record<string, Container>;
  }
}

(window._JUPYTERLAB ??= {}).dinoscope = createContainer();
