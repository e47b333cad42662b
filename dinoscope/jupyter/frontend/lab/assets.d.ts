// What esbuild makes of files that are no code.
declare module "*.svg" {
  const text: string;
  export default text;
}

declare module "*.ipynb" {
  const notebook: import("./jupyterlab").NotebookContent;
  export default notebook;
}
