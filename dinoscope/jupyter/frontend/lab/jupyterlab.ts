// The parts of JupyterLab that are used, as types. Written out, because the @jupyterlab packages would bring some
// hundred others for them, and bind the types to one version. Not a .d.ts, which `skipLibCheck` would leave unchecked.

/** A notebook as it is in a file (nbformat 4.5). */
export interface NotebookContent {
  nbformat: number;
  nbformat_minor: number;
  metadata: Record<string, unknown>;
  cells: readonly unknown[];
}

/** An entry of the file browser or of a folder's listing. */
export interface FileItem {
  name: string;
  path: string;
  type: string;
}

export interface FileBrowser {
  selectedItems(): Iterable<FileItem>;
  model: { path: string };
}

export interface FileBrowserFactory {
  tracker: { currentWidget: FileBrowser | null };
}

export interface KernelSpec {
  name: string;
  display_name: string;
  language: string;
}

export interface KernelSpecs {
  default: string;
  kernelspecs: Record<string, KernelSpec | undefined>;
}

export interface Contents {
  get(path: string, options: { content: boolean }): Promise<{ content: unknown }>;
  save(path: string, file: { type: "notebook"; format: "json"; content: NotebookContent }): Promise<unknown>;
}

/** A notebook that is open, as `docmanager:open` gives it. */
export interface NotebookPanel {
  isAttached: boolean;
  context: { path: string; ready: Promise<void>; sessionContext: { ready: Promise<void> } };
}

export interface CommandOptions {
  label: string;
  caption: string;
  icon?: object;
  isVisible?: () => boolean;
  execute: (args: Record<string, unknown>) => unknown;
}

export interface App {
  commands: {
    addCommand(id: string, options: CommandOptions): unknown;
    execute(id: string, args?: Record<string, unknown>): Promise<unknown>;
  };
  contextMenu: { addItem(item: { command: string; selector: string; rank: number }): unknown };
  serviceManager: {
    contents: Contents;
    kernelspecs: { ready: Promise<void>; specs: KernelSpecs | null };
  };
  shell: { currentWidget: unknown; currentChanged?: { connect(slot: () => void): unknown } };
}

export interface Launcher {
  add(item: { command: string; category: string; rank: number }): unknown;
}

export interface CommandPalette {
  addItem(item: { command: string; category: string }): unknown;
}

/** The services of JupyterLab that the extension uses; an application may lack any of them. */
export interface Services {
  fileBrowsers?: FileBrowserFactory | null;
  launcher?: Launcher | null;
  palette?: CommandPalette | null;
}

/** Functions and classes of JupyterLab that are no services. */
export interface Toolkit {
  showErrorMessage?: (title: string, error: unknown) => Promise<void>;
  LabIcon?: new (options: { name: string; svgstr: string }) => object;
}

export interface Plugin {
  id: string;
  description: string;
  autoStart: true;
  optional: readonly unknown[];
  activate: (app: App, ...services: unknown[]) => void;
}
