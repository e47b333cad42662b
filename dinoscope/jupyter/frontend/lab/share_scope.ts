// The modules that JupyterLab shares with extensions ("share scope" of webpack's module federation).

interface SharedModule {
  get: () => ModuleFactory | Promise<ModuleFactory>;
  loaded?: unknown;
}

type ModuleFactory = () => Record<string, unknown>;

/** Package name -> version -> module. */
export type ShareScope = Record<string, Record<string, SharedModule> | undefined>;

/** A package that JupyterLab shares, or `{}` where the application has none of that name. */
export async function takeShared(scope: ShareScope, name: string): Promise<Record<string, unknown>> {
  const shared = chooseVersion(scope[name] ?? {});
  if (shared === undefined) {
    return {};
  }
  // Says, as webpack's own code does, that the other takers of this singleton have to stay with this version: services
  // are found by the identity of their tokens, hence there must be one copy of the module that makes them.
  shared.loaded = 1;
  const factory = await shared.get();
  return factory();
}

/** The version that webpack would take for a singleton: one that is in use, else the highest. */
function chooseVersion(versions: Record<string, SharedModule>): SharedModule | undefined {
  const highestFirst = Object.keys(versions).sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  const all = highestFirst.map((version) => versions[version]);
  return all.find((shared) => shared?.loaded) ?? all[0];
}
