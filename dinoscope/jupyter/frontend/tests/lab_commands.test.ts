import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import type { App, CommandOptions, FileItem, NotebookContent, Plugin } from "../lab/jupyterlab";
import { createPlugin, OPEN_IMAGE, QUICK_START } from "../lab/plugin";

const PYTHON = { name: "python3", display_name: "Python 3", language: "python" };
const READY = Promise.resolve();
const NEVER = new Promise<void>(() => {});

/** The storage that the tabs of the browser share. */
const stored = new Map<string, string>();
const localStorage = {
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => void stored.set(key, value),
  removeItem: (key: string) => void stored.delete(key),
};
Object.defineProperty(globalThis, "localStorage", { value: localStorage, configurable: true });

/** A JupyterLab of one folder. */
class FakeLab {
  commands = new Map<string, CommandOptions>();
  executed: string[] = [];
  errors: string[] = [];
  saved = new Map<string, NotebookContent>();
  listed: string[] = [];
  names: string[] = [];
  selected: FileItem[] = [];
  folder = "";
  saveError?: Error;
  panel = notebook("opened.ipynb", true);
  turn?: () => void;
  shell = {
    currentWidget: this.panel as unknown,
    currentChanged: { connect: (slot: () => void) => void (this.turn = slot) },
  };

  app = {
    commands: {
      addCommand: (id: string, options: CommandOptions) => this.commands.set(id, options),
      execute: async (id: string, args?: { path?: string }) => {
        this.executed.push(args?.path ? `${id} ${args.path}` : id);
        return id === "docmanager:open" ? this.panel : undefined;
      },
    },
    contextMenu: { addItem() {} },
    serviceManager: {
      contents: {
        get: async (path: string) => {
          this.listed.push(path);
          return { content: this.names.map((name) => ({ name, path: name, type: "file" })) };
        },
        save: async (path: string, { content }: { content: NotebookContent }) => {
          if (this.saveError) {
            throw this.saveError;
          }
          this.saved.set(path, content);
        },
      },
      kernelspecs: { ready: READY, specs: { default: "python3", kernelspecs: { python3: PYTHON } } },
    },
    shell: this.shell,
  } as App;

  activate(plugin: Plugin): void {
    const browser = { selectedItems: () => this.selected, model: { path: "" } };
    Object.defineProperty(browser.model, "path", { get: () => this.folder });
    plugin.activate(this.app, { tracker: { currentWidget: browser } });
  }

  run(id: string, args: Record<string, unknown> = {}): Promise<void> {
    return this.commands.get(id)?.execute(args) as Promise<void>;
  }
}

function notebook(path: string, isAttached: boolean, ready = READY) {
  return { isAttached, context: { path, ready, sessionContext: { ready } } };
}

let lab: FakeLab;

beforeEach(() => {
  stored.clear();
  lab = newTab();
});

function newTab(): FakeLab {
  const lab = new FakeLab();
  const tokens = { fileBrowsers: "files", launcher: undefined, palette: undefined };
  const showErrorMessage = async (title: string, error: unknown) => void lab.errors.push(`${title}: ${error}`);
  lab.activate(createPlugin(tokens, { showErrorMessage }));
  return lab;
}

function file(path: string, type = "file"): FileItem {
  return { name: path.replace(/^.*[:/]/, ""), path, type };
}

test("opening is offered for one image and for nothing else", () => {
  const visible = (...selected: FileItem[]) => {
    lab.selected = selected;
    return lab.commands.get(OPEN_IMAGE)?.isVisible?.();
  };
  assert.equal(visible(file("a.tif")), true);
  assert.equal(visible(file("x.ome.zarr", "directory")), true);
  assert.equal(visible(file("a.txt")), false);
  assert.equal(visible(file("a.tif"), file("b.tif")), false);
  assert.equal(visible(), false);
});

test("an image is opened by a notebook beside it, which is run", async () => {
  lab.selected = [file("em/day 1/stack2.ome.tif")];
  lab.names = ["stack2.ome.tif", "stack2.dinoscope.ipynb"];
  await lab.run(OPEN_IMAGE);
  const path = "em/day 1/stack2.dinoscope-2.ipynb";
  assert.deepEqual(lab.listed, ["em/day 1"]);
  assert.deepEqual([...lab.saved.keys()], [path]);
  assert.deepEqual(lab.executed, [`docmanager:open ${path}`, "notebook:run-all-cells"]);
  assert.deepEqual(lab.saved.get(path)?.metadata, { kernelspec: PYTHON });
  assert.match(JSON.stringify(lab.saved.get(path)?.cells), /show\(\\"stack2\.ome\.tif\\"\)/);
});

test("an image at the root of a drive stays on the drive", async () => {
  lab.selected = [file("RTC:a.tif")];
  await lab.run(OPEN_IMAGE);
  assert.deepEqual([...lab.saved.keys()], ["RTC:a.dinoscope.ipynb"]);
  assert.deepEqual(lab.listed, ["RTC:"]);
});

test("another notebook that came to the front is not run", async () => {
  lab.selected = [file("a.tif")];
  lab.shell.currentWidget = {};
  await lab.run(OPEN_IMAGE);
  assert.deepEqual(lab.executed, ["docmanager:open a.dinoscope.ipynb"]);
});

/** A tab in which somebody comes to a notebook, or to something else; what is run there. */
async function executedAt(place: unknown): Promise<string[]> {
  const tab = newTab();
  tab.shell.currentWidget = place;
  tab.turn?.();
  await new Promise(setImmediate);
  return tab.executed;
}

test("a notebook that opens in another tab of the browser is run there, once", async () => {
  lab.selected = [file("a.tif")];
  lab.panel = notebook("a.dinoscope.ipynb", false, NEVER);
  await lab.run(OPEN_IMAGE);
  assert.deepEqual(lab.executed, ["docmanager:open a.dinoscope.ipynb"]);
  assert.deepEqual(await executedAt(null), []);
  assert.deepEqual(await executedAt({ title: "a text" }), []);
  assert.deepEqual(await executedAt(notebook("b.ipynb", true)), []);
  assert.deepEqual(await executedAt(notebook("a.dinoscope.ipynb", true)), ["notebook:run-all-cells"]);
  assert.deepEqual(await executedAt(notebook("a.dinoscope.ipynb", true)), []);
});

test("a notebook that did not open in another tab is not run much later", async ({ mock }) => {
  mock.timers.enable({ apis: ["Date"] });
  lab.selected = [file("a.tif")];
  lab.panel = notebook("a.dinoscope.ipynb", false, NEVER);
  await lab.run(OPEN_IMAGE);
  mock.timers.tick(5 * 60_000);
  assert.deepEqual(await executedAt(notebook("a.dinoscope.ipynb", true)), []);
});

test("nothing is left for other tabs where the notebook opens in this one", async () => {
  lab.selected = [file("a.tif")];
  await lab.run(OPEN_IMAGE);
  assert.deepEqual(await executedAt(notebook("a.dinoscope.ipynb", true)), []);
});

test("without an image, nothing is opened", async () => {
  lab.selected = [file("a.txt")];
  await lab.run(OPEN_IMAGE);
  assert.deepEqual(lab.executed, []);
});

test("a failure is told, and nothing is opened", async () => {
  lab.saveError = new Error("Permission denied");
  lab.selected = [file("a.tif")];
  await lab.run(OPEN_IMAGE);
  await lab.run(QUICK_START);
  const message = "dinoscope could not make the notebook: Error: Permission denied";
  assert.deepEqual(lab.errors, [message, message]);
  assert.deepEqual(lab.executed, []);
});

test("the quick start is copied to the launcher's folder, else to the file browser's, and not run", async () => {
  lab.folder = "em";
  await lab.run(QUICK_START, { cwd: "a/b" });
  await lab.run(QUICK_START);
  lab.folder = "";
  lab.names = ["dinoscope quick start.ipynb"];
  await lab.run(QUICK_START);
  lab.folder = "RTC:";
  await lab.run(QUICK_START);
  assert.deepEqual(lab.listed, ["a/b", "em", "", "RTC:"]);
  assert.deepEqual(lab.executed, [
    "docmanager:open a/b/dinoscope quick start.ipynb",
    "docmanager:open em/dinoscope quick start.ipynb",
    "docmanager:open dinoscope quick start-2.ipynb",
    "docmanager:open RTC:dinoscope quick start-2.ipynb",
  ]);
  const copy = lab.saved.get("em/dinoscope quick start.ipynb");
  assert.equal(copy?.nbformat, 4);
  const cells = copy?.cells as { cell_type: string; outputs?: unknown; execution_count?: unknown }[];
  const code = cells.filter((cell) => cell.cell_type === "code");
  assert.ok(code.length > 0);
  for (const cell of code) {
    assert.deepEqual([cell.outputs, cell.execution_count], [[], null], "as before it was run");
  }
});
