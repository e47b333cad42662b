import assert from "node:assert/strict";
import { test } from "node:test";

import { createContainer, EXTENSION_MODULE } from "../lab/container";
import type { App } from "../lab/jupyterlab";
import { takeShared, type ShareScope } from "../lab/share_scope";

function shared(module: Record<string, unknown>, loaded?: unknown) {
  return { get: async () => () => module, loaded };
}

function scopeOf(packages: Record<string, Record<string, unknown>>): ShareScope {
  const entries = Object.entries(packages).map(([name, module]) => [`@jupyterlab/${name}`, { "4.6.6": shared(module) }]);
  return Object.fromEntries(entries);
}

const FULL = {
  filebrowser: { IFileBrowserFactory: "files" },
  launcher: { ILauncher: "launcher" },
  apputils: { ICommandPalette: "palette" },
  "ui-components": {},
};

async function pluginOf(packages: Record<string, Record<string, unknown>>) {
  const container = createContainer();
  container.init(scopeOf(packages));
  return (await container.get(EXTENSION_MODULE))();
}

test("the module is one that JupyterLab can mark and take the plugin of", async () => {
  const module = await pluginOf(FULL);
  assert.ok(Object.hasOwn(module, "__esModule"));
  assert.ok(Object.isExtensible(module));
  assert.equal(module.default.id, "dinoscope:plugin");
  assert.deepEqual(module.default.optional, ["files", "launcher", "palette"]);
});

test("a package that the application lacks is left out", async () => {
  const { launcher: _, ...notebook7 } = FULL;
  assert.deepEqual((await pluginOf(notebook7)).default.optional, ["files", "palette"]);
  assert.deepEqual((await pluginOf({})).default.optional, []);
});

test("services find their places although a package is missing", async () => {
  const { filebrowser: _, ...rest } = FULL;
  const offered: string[] = [];
  const offer = (where: string) => ({ command }: { command: string }) => offered.push(`${where} ${command}`);
  const app = { commands: { addCommand() {} }, contextMenu: { addItem() {} }, shell: {} } as unknown as App;
  const plugin = (await pluginOf(rest)).default;
  plugin.activate(app, { add: offer("launcher") }, { addItem: offer("palette") });
  assert.deepEqual(offered, [
    "launcher dinoscope:quick-start", "palette dinoscope:open-image", "palette dinoscope:quick-start",
  ]);
});

test("another module is refused", async () => {
  await assert.rejects(createContainer().get("./style"), /no module \.\/style/);
});

test("of several versions, the one in use is taken, else the highest", async () => {
  const [old, newer] = [{ v: "4.9" }, { v: "4.10" }];
  assert.equal(await takeShared({ p: { "4.9.0": shared(old), "4.10.0": shared(newer) } }, "p"), newer);
  assert.equal(await takeShared({ p: { "4.9.0": shared(old, 1), "4.10.0": shared(newer) } }, "p"), old);
});

test("what is taken counts as in use", async () => {
  const versions = { "4.9.0": shared({}), "4.10.0": shared({}) };
  await takeShared({ p: versions }, "p");
  assert.ok(versions["4.10.0"].loaded);
  assert.ok(!versions["4.9.0"].loaded);
});

test("a module that is there at once is taken as well", async () => {
  const module = { v: 1 };
  assert.equal(await takeShared({ p: { "1.0.0": { get: () => () => module } } }, "p"), module);
});
