import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { IMAGE_SUFFIXES, imageStem, isImage } from "../lab/image_files";
import type { KernelSpec, KernelSpecs } from "../lab/jupyterlab";
import {
  freeName,
  imageNotebook,
  imageNotebookName,
  pythonKernel,
  pythonString,
  withKernel,
} from "../lab/notebooks";

const PYTHON = { name: "python3", display_name: "Python 3 (ipykernel)", language: "python" };
const R = { name: "ir", display_name: "R", language: "R" };

function item(name: string, type = "file") {
  return { name, path: `data/${name}`, type };
}

function specs(preferred: string, ...known: KernelSpec[]): KernelSpecs {
  return { default: preferred, kernelspecs: Object.fromEntries(known.map((spec) => [spec.name, spec])) };
}

test("files are images by their ending, whatever its case", () => {
  for (const suffix of IMAGE_SUFFIXES) {
    assert.ok(isImage(item(`a b${suffix}`)));
    assert.ok(isImage(item(`A.B${suffix.toUpperCase()}`)));
  }
  for (const name of ["a.txt", "a.ipynb", "a.tif.txt", "tif", "README", "a.", "a.zarr"]) {
    assert.equal(isImage(item(name)), false, name);
  }
});

test("folders are images only as zarr", () => {
  assert.ok(isImage(item("x.ome.zarr", "directory")));
  assert.ok(isImage(item("X.ZARR", "directory")));
  assert.equal(isImage(item("sections", "directory")), false);
  assert.equal(isImage(item("sections.tif", "directory")), false);
});

test("a notebook is named after its image", () => {
  assert.equal(imageNotebookName("stack2.ome.tif"), "stack2.dinoscope.ipynb");
  assert.equal(imageNotebookName("x.ome.zarr"), "x.dinoscope.ipynb");
  assert.equal(imageNotebookName("a.b.MRC"), "a.b.dinoscope.ipynb");
  assert.equal(imageStem(".tif"), ".tif");
});

test("a taken name gets a number", () => {
  assert.equal(freeName("a.ipynb", ["b.ipynb"]), "a.ipynb");
  assert.equal(freeName("a.ipynb", ["a.ipynb"]), "a-2.ipynb");
  assert.equal(freeName("a.ipynb", ["A.ipynb", "a-2.IPYNB", "a-4.ipynb"]), "a-3.ipynb");
});

test("Python reads a literal as the name that was quoted", () => {
  const names = [
    "stack2.ome.tif", "it's \"it\".tif", "a\\n\\.tif", "tab\tline\nend\r.tif", "größe µm 線粒體 🔬.tif",
    "{x} %s $HOME ?.tif", "\u0000\u0007\u007f\u0085\u2028\u2029.tif", "evil\u202efit.tif", "tag\u{e0041}.tif",
  ];
  const literals = names.map(pythonString);
  const program = `import json; print(json.dumps([${literals.join(", ")}]))`;
  assert.deepEqual(JSON.parse(execFileSync("python3", ["-c", program], { encoding: "utf8" })), names);
  for (const literal of literals) {
    assert.doesNotMatch(literal, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  }
  assert.equal(pythonString("größe 線.tif"), '"größe 線.tif"');
});

test("a notebook opens the image of its own folder", () => {
  const notebook = imageNotebook('a"b.tif');
  assert.equal(notebook.nbformat, 4);
  const [about, code] = notebook.cells as { id: string; cell_type: string; source: string }[];
  assert.equal(about?.cell_type, "markdown");
  assert.equal(code?.cell_type, "code");
  assert.notEqual(about?.id, code?.id);
  assert.equal(code?.source, 'import dinoscope.jupyter\n\npanel = dinoscope.jupyter.show("a\\"b.tif")');
});

test("the kernel is the default one of Python, or any of Python", () => {
  const other = { ...PYTHON, name: "em" };
  assert.equal(pythonKernel(specs("em", PYTHON, other)), other);
  assert.equal(pythonKernel(specs("ir", R, PYTHON)), PYTHON);
  assert.equal(pythonKernel(specs("ir", R)), undefined);
  assert.equal(pythonKernel(specs("gone")), undefined);
  assert.equal(pythonKernel(null), undefined);
});

test("a notebook keeps its other metadata when its kernel is named", () => {
  const bare = { ...imageNotebook("a.tif"), metadata: { title: "A" } };
  assert.deepEqual(withKernel(bare, PYTHON).metadata, { title: "A", kernelspec: PYTHON });
  assert.equal(withKernel(bare, undefined), bare);
  assert.deepEqual(bare.metadata, { title: "A" });
});
