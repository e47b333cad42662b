// The plugin: two commands, and the places where they are offered.
import { openImage, openQuickStart, runIfAsked } from "./actions";
import iconText from "./icon.svg";
import { isImage } from "./image_files";
import type { App, FileItem, Plugin, Services, Toolkit } from "./jupyterlab";

export const OPEN_IMAGE = "dinoscope:open-image";
export const QUICK_START = "dinoscope:quick-start";

/** The tokens by which JupyterLab finds the services; undefined where the application has no such package. */
export type Tokens = Record<keyof Services, unknown>;

/** A plugin that takes what there is: every service is optional, since Notebook 7 has no launcher, for one. */
export function createPlugin(tokens: Tokens, toolkit: Toolkit): Plugin {
  const known = Object.entries(tokens).filter(([, token]) => token !== undefined);
  return {
    id: "dinoscope:plugin",
    description: "Opens images with dinoscope, from the file browser and the launcher",
    autoStart: true,
    optional: known.map(([, token]) => token),
    activate: (app, ...services) => {
      const named: Services = Object.fromEntries(known.map(([name], index) => [name, services[index]]));
      addCommands(app, named, toolkit);
      offerCommands(app, named);
      app.shell.currentChanged?.connect(() => void runIfAsked(app));
    },
  };
}

function addCommands(app: App, { fileBrowsers }: Services, { LabIcon, showErrorMessage }: Toolkit): void {
  const icon = LabIcon && new LabIcon({ name: "dinoscope:icon", svgstr: iconText });
  const browser = () => fileBrowsers?.tracker.currentWidget;
  const image = () => selectedImage(browser()?.selectedItems() ?? []);
  const reported = async (work: Promise<void>) => {
    try {
      await work;
    } catch (error) {
      await (showErrorMessage ?? logError)("dinoscope could not make the notebook", error);
    }
  };

  app.commands.addCommand(OPEN_IMAGE, {
    label: "Open with dinoscope",
    caption: "Make a notebook beside the image that opens it with dinoscope",
    icon,
    isVisible: () => image() !== undefined,
    execute: () => {
      const chosen = image();
      return chosen && reported(openImage(app, chosen));
    },
  });
  app.commands.addCommand(QUICK_START, {
    label: "dinoscope quick start",
    caption: "Copy the quick start of dinoscope to the current folder and open it",
    icon,
    // The launcher gives the folder that it was opened for.
    execute: ({ cwd }) => reported(openQuickStart(app, typeof cwd === "string" ? cwd : (browser()?.model.path ?? ""))),
  });
}

function offerCommands(app: App, { launcher, palette }: Services): void {
  // After JupyterLab's own "Open" and "Open With" (ranks 1 and 2), before what changes files.
  app.contextMenu.addItem({ command: OPEN_IMAGE, selector: ".jp-DirListing-item", rank: 3 });
  // Not the first of its category, which lends its icon to the heading.
  launcher?.add({ command: QUICK_START, category: "Other", rank: 10 });
  for (const command of [OPEN_IMAGE, QUICK_START]) {
    palette?.addItem({ command, category: "dinoscope" });
  }
}

/** The selected image, if nothing else is selected. */
function selectedImage(selected: Iterable<FileItem>): FileItem | undefined {
  const [item, ...others] = selected;
  return item && others.length === 0 && isImage(item) ? item : undefined;
}

async function logError(title: string, error: unknown): Promise<void> {
  console.error(title, error);
}
