// Notebook 7 opens a notebook in another tab of the browser, which has an extension of its own. The one that made the
// notebook asks that one to run it, through the storage that the tabs share: a mark in the notebook or in its address
// would run what somebody else wrote as soon as it is opened.

const KEY = "dinoscope:run";
const PATIENCE_MS = 60_000;

interface Request {
  path: string;
  until: number;
}

/** Asks the tab in which a notebook opens to run it. */
export function askToRun(path: string): void {
  const request: Request = { path, until: Date.now() + PATIENCE_MS };
  localStorage.setItem(KEY, JSON.stringify(request));
}

/** Whether a notebook is to be run, which is so once. */
export function takeRequest(path: string): boolean {
  const request = JSON.parse(localStorage.getItem(KEY) ?? "null") as Request | null;
  if (request?.path !== path) {
    return false;
  }
  localStorage.removeItem(KEY);
  return Date.now() < request.until;
}
