// Bundles what the browser gets. `node build.mjs` writes ../static (viewer, table) and ../labextension;
// `node build.mjs --tests` bundles the tests to .tests, for `node --test`.
import { cp, mkdir, readdir, rm, writeFile, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const shared = { absWorkingDir: here, bundle: true, logLevel: "warning", charset: "utf8" };
const forBrowsers = { ...shared, minify: true, format: "esm", target: "es2022", legalComments: "inline" };

/** Notebooks before they are run: saved outputs are for readers, the launcher's copy is there to be run. */
const notebooks = {
  name: "notebooks",
  setup(build) {
    build.onLoad({ filter: /\.ipynb$/ }, async ({ path: file }) => {
      const { nbformat, nbformat_minor, cells, metadata } = JSON.parse(await readFile(file, "utf8"));
      const { kernelspec, language_info } = metadata;
      const cleared = cells.map((cell) =>
        cell.cell_type === "code" ? { ...cell, execution_count: null, outputs: [] } : cell,
      );
      const fresh = { nbformat, nbformat_minor, metadata: { kernelspec, language_info }, cells: cleared };
      return { contents: JSON.stringify(fresh), loader: "json" };
    });
  },
};

/** The widgets: one module and one style sheet each, which anywidget sends over the comm. */
async function buildWidgets() {
  const out = path.join(here, "..", "static");
  await rm(out, { recursive: true, force: true });
  await esbuild.build({
    ...forBrowsers,
    entryPoints: ["viewer/viewer.ts", "viewer/viewer.css", "table/table.ts", "table/table.css"],
    entryNames: "[name]",
    outdir: out,
    // OpenSeadragon would hand itself to the RequireJS of older notebooks instead of to the bundle.
    define: { define: "undefined" },
  });
}

/** The JupyterLab extension: a container of one module, as JupyterLab loads prebuilt extensions. */
async function buildLabExtension() {
  const out = path.join(here, "..", "labextension");
  await rm(out, { recursive: true, force: true });
  await esbuild.build({
    ...forBrowsers,
    format: "iife",
    entryPoints: ["lab/remote_entry.ts"],
    loader: { ".svg": "text" },
    plugins: [notebooks],
    outdir: path.join(out, "static"),
  });
  const manifest = {
    name: "dinoscope",
    version: await packageVersion(),
    description: "Open images with dinoscope",
    license: "BSD-3-Clause",
    jupyterlab: { extension: true, _build: { load: "static/remote_entry.js", extension: "./extension" } },
  };
  await mkdir(out, { recursive: true });
  await writeFile(path.join(out, "package.json"), JSON.stringify(manifest, null, 1) + "\n");
  await cp(path.join(here, "lab", "install.json"), path.join(out, "install.json"));
}

/** The version of dinoscope, which stands in the Python package only. */
async function packageVersion() {
  const source = await readFile(path.join(here, "..", "..", "__init__.py"), "utf8");
  const version = /^__version__ = "(.+)"$/m.exec(source)?.[1];
  if (!version) {
    throw new Error("dinoscope/__init__.py has no line __version__ = \"...\"");
  }
  return version;
}

/** The tests, for Node's own runner. */
async function buildTests() {
  const out = path.join(here, ".tests");
  await rm(out, { recursive: true, force: true });
  const names = (await readdir(path.join(here, "tests"))).filter((name) => name.endsWith(".test.ts"));
  await esbuild.build({
    ...shared,
    platform: "node",
    format: "esm",
    outExtension: { ".js": ".mjs" },
    loader: { ".svg": "text", ".css": "text" },
    plugins: [notebooks],
    entryPoints: names.map((name) => `tests/${name}`),
    outdir: ".tests",
  });
}

if (process.argv.includes("--tests")) {
  await buildTests();
} else {
  await buildWidgets();
  await buildLabExtension();
}
