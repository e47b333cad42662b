// The notebooks that the extension makes, and their names.
import { imageStem } from "./image_files";
import type { KernelSpec, KernelSpecs, NotebookContent } from "./jupyterlab";

const ENDING = ".ipynb";

/** A notebook that opens an image of its own folder. */
export function imageNotebook(imageName: string): NotebookContent {
  const about = "Segment an image by example with dinoscope: click some of the structures, and find the others.";
  const code = `import dinoscope.jupyter\n\npanel = dinoscope.jupyter.show(${pythonString(imageName)})`;
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: [
      { id: "about", cell_type: "markdown", metadata: {}, source: about },
      { id: "open", cell_type: "code", metadata: {}, execution_count: null, outputs: [], source: code },
    ],
  };
}

/** A text as a literal of Python. JSON's escapes mean the same there; it leaves some invisible characters bare. */
export function pythonString(text: string): string {
  return JSON.stringify(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\U${code.toString(16).padStart(8, "0")}`;
  });
}

/** A notebook that names its kernel, so that JupyterLab does not ask for one. */
export function withKernel(notebook: NotebookContent, kernel: KernelSpec | undefined): NotebookContent {
  if (kernel === undefined) {
    return notebook;
  }
  const { name, display_name, language } = kernel;
  return { ...notebook, metadata: { ...notebook.metadata, kernelspec: { name, display_name, language } } };
}

/** The default kernel if it is one of Python, else any of Python. */
export function pythonKernel(specs: KernelSpecs | null): KernelSpec | undefined {
  const candidates = specs ? [specs.kernelspecs[specs.default], ...Object.values(specs.kernelspecs)] : [];
  return candidates.find((spec) => spec?.language.toLowerCase() === "python");
}

/** The name of an image's notebook, without a number. */
export function imageNotebookName(imageName: string): string {
  return `${imageStem(imageName)}.dinoscope${ENDING}`;
}

/** A name that no file of a folder has: the wanted one, or that with a number. */
export function freeName(wanted: string, taken: Iterable<string>): string {
  // Without case: on Windows and macOS, `A.ipynb` would overwrite `a.ipynb`.
  const known = new Set(Array.from(taken, (name) => name.toLowerCase()));
  const stem = wanted.slice(0, -ENDING.length);
  let name = wanted;
  for (let number = 2; known.has(name.toLowerCase()); number++) {
    name = `${stem}-${number}${ENDING}`;
  }
  return name;
}
