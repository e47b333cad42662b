// What the two commands do.
import quickStart from "../../../../notebooks/01_quick_start.ipynb";
import { askToRun, takeRequest } from "./handover";
import type { App, FileItem, NotebookContent, NotebookPanel } from "./jupyterlab";
import { freeName, imageNotebook, imageNotebookName, pythonKernel, withKernel } from "./notebooks";

const QUICK_START_NAME = "dinoscope quick start.ipynb";

/** Makes a notebook beside an image, opens and runs it. */
export async function openImage(app: App, image: FileItem): Promise<void> {
  // By length, because the image may be at the root of a drive, as in `RTC:a.tif`.
  const folder = image.path.slice(0, image.path.length - image.name.length);
  const path = await saveNotebook(app, folder, imageNotebookName(image.name), imageNotebook(image.name));
  const panel = await openNotebook(app, path);
  if (panel?.isAttached) {
    await runWhenReady(app, panel);
  } else {
    // Notebook 7 opens it in another tab of the browser; what it gives here is thrown away and never ready.
    askToRun(path);
  }
}

/** Runs the notebook that another tab of the browser made for this one. */
export async function runIfAsked(app: App): Promise<void> {
  const panel = app.shell.currentWidget as Partial<NotebookPanel> | null;
  if (panel?.context && takeRequest(panel.context.path)) {
    await runWhenReady(app, panel as NotebookPanel);
  }
}

/** Copies the quick start to a folder and opens it. */
export async function openQuickStart(app: App, folder: string): Promise<void> {
  const prefix = folder === "" || /[:/]$/.test(folder) ? folder : `${folder}/`;
  await openNotebook(app, await saveNotebook(app, prefix, QUICK_START_NAME, quickStart));
}

/** Saves a notebook under a new name; `prefix` is the folder with its separator. Gives the path. */
async function saveNotebook(app: App, prefix: string, name: string, notebook: NotebookContent): Promise<string> {
  const { contents, kernelspecs } = app.serviceManager;
  await kernelspecs.ready;
  const content = withKernel(notebook, pythonKernel(kernelspecs.specs));
  const listing = await contents.get(prefix.replace(/\/$/, ""), { content: true });
  const taken = (listing.content as FileItem[]).map((item) => item.name);
  const path = prefix + freeName(name, taken);
  await contents.save(path, { type: "notebook", format: "json", content });
  return path;
}

async function openNotebook(app: App, path: string): Promise<NotebookPanel | undefined> {
  return (await app.commands.execute("docmanager:open", { path })) as NotebookPanel | undefined;
}

async function runWhenReady(app: App, panel: NotebookPanel): Promise<void> {
  await panel.context.ready;
  await panel.context.sessionContext.ready;
  // The command runs the notebook in front, which would be another one if the user went on meanwhile.
  if (app.shell.currentWidget === panel) {
    await app.commands.execute("notebook:run-all-cells");
  }
}
