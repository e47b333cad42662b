// The container of a "federated" extension, as webpack's module federation would make it. It is written by hand: the
// interface is two functions, whereas JupyterLab's builder needs webpack to make them.
import type { Plugin, Toolkit } from "./jupyterlab";
import { createPlugin, type Tokens } from "./plugin";
import { takeShared, type ShareScope } from "./share_scope";

/** The one module inside, whose name build.mjs writes to the manifest. */
export const EXTENSION_MODULE = "./extension";

export interface Container {
  init(scope: ShareScope): void;
  get(module: string): Promise<() => { __esModule: true; default: Plugin }>;
}

export function createContainer(): Container {
  let scope: ShareScope = {};
  return {
    init(shared) {
      scope = shared;
    },
    async get(module) {
      if (module !== EXTENSION_MODULE) {
        throw new Error(`dinoscope has no module ${module}`);
      }
      const plugin = await pluginFrom(scope);
      return () => ({ __esModule: true, default: plugin });
    },
  };
}

async function pluginFrom(scope: ShareScope): Promise<Plugin> {
  const take = (name: string) => takeShared(scope, `@jupyterlab/${name}`);
  const [filebrowser, launcher, apputils, ui] = await Promise.all(
    ["filebrowser", "launcher", "apputils", "ui-components"].map(take),
  );
  const tokens: Tokens = {
    fileBrowsers: filebrowser?.IFileBrowserFactory,
    launcher: launcher?.ILauncher,
    palette: apputils?.ICommandPalette,
  };
  return createPlugin(tokens, { showErrorMessage: apputils?.showErrorMessage, LabIcon: ui?.LabIcon } as Toolkit);
}
