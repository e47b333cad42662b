"""Build the sdist and the wheel as a release does, and check them: ``python -m tests.packaging.builds -o dist``.

They are built in two copies of the sources that differ in all that must not matter (folder, times, time zone, umask,
hash seed), the front end bundled anew in each, and must be equal to the byte. The wheel is built once more from the
sdist without Node.js, and must be the same again. Then both are looked into.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

from tests.packaging.contents import check_sdist, check_wheel
from tests.packaging.project import FRONTEND, ROOT, copy_sources


class Surroundings(NamedTuple):
    """What a build must not depend on."""

    name: str
    umask: int
    time: int
    variables: dict[str, str]


HERE = Surroundings("a", 0o022, 1_500_000_000, {"TZ": "UTC", "PYTHONHASHSEED": "1"})
ELSEWHERE = Surroundings("another folder", 0o077, 1_700_000_000, {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "2"})


def main() -> None:
    """Build, compare, look into them, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "dist", metavar="DIR", help="Default: dist.")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        first, second = (built(folder, surroundings) for surroundings in (HERE, ELSEWHERE))
        compare(first, second)
        sdist, wheel = (next(path for path in first if path.name.endswith(end)) for end in (".tar.gz", ".whl"))
        compare([wheel], [wheel_without_node(sdist, folder / "unpacked")])
        complain_without_node(folder / HERE.name)
        problems = [*check_sdist(sdist), *check_wheel(wheel)]
        if problems:
            sys.exit("\n".join(problems))
        out.mkdir(parents=True, exist_ok=True)
        for path in (sdist, wheel):
            shutil.copy(path, out)
            sys.stdout.write(f"{digest(path)}  {out / path.name}\n")


def built(folder: Path, surroundings: Surroundings) -> list[Path]:
    """The sdist and the wheel, built in a copy of the sources of its own."""
    root = folder / surroundings.name
    before = os.umask(surroundings.umask)
    try:
        copy_sources(root)
        for path in (path for path in root.rglob("*") if "node_modules" not in path.parts):
            os.utime(path, (surroundings.time, surroundings.time))
        ended = hatch(root, ["-t", "sdist", "-t", "wheel"], surroundings.variables)
        if ended.returncode:
            sys.exit(f"the build in {root.name!r} failed:\n{ended.stdout}{ended.stderr}")
    finally:
        os.umask(before)
    return sorted((root / "dist").iterdir())


def hatch(root: Path, targets: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the build of a folder, at the time of the last commit."""
    command = ["git", "log", "-1", "--format=%ct"]
    commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    environment = {**os.environ, "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", commit), **variables}
    build = [sys.executable, "-m", "hatchling", "build", "-d", "dist", *targets]
    return subprocess.run(build, cwd=root, env=environment, capture_output=True, text=True, check=False)


def wheel_without_node(sdist: Path, folder: Path) -> Path:
    """A wheel that is built from the sdist where there is no program at all."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    nothing = folder / "nothing"
    nothing.mkdir()
    ended = hatch(root, ["-t", "wheel"], {"PATH": str(nothing)})
    if ended.returncode:
        sys.exit(f"the sdist does not build a wheel without Node.js:\n{ended.stdout}{ended.stderr}")
    (wheel,) = (root / "dist").glob("*.whl")
    return wheel


def complain_without_node(root: Path) -> None:
    """Without the bundle and without Node.js the build must fail, and say what to do."""
    (root / FRONTEND / ".built").unlink()
    nothing = root / "nothing"
    nothing.mkdir()
    ended = hatch(root, ["-t", "wheel"], {"PATH": str(nothing)})
    if not ended.returncode or "Get it from https://nodejs.org" not in ended.stdout + ended.stderr:
        sys.exit(f"a build without Node.js and without the bundle ended with {ended.returncode} and said:\n{ended}")


def compare(first: list[Path], second: list[Path]) -> None:
    """Stop with the names of what differs, if the files are not the same to the byte."""
    for one, other in zip(first, second, strict=True):
        if one.name != other.name or digest(one) != digest(other):
            sys.exit(f"two builds differ: {one} and {other}\n" + "\n".join(differences(one, other)))


def differences(one: Path, other: Path) -> list[str]:
    """Members of two wheels or sdists that are not the same."""
    mine, theirs = members(one), members(other)
    return [name for name in sorted(mine | theirs) if mine.get(name) != theirs.get(name)] or ["only the archive itself"]


def members(path: Path) -> dict[str, str]:
    """Hash and attributes of every member of a wheel or an sdist, by name."""
    if path.suffix == ".whl":
        with ZipFile(path) as wheel:
            files = [(info, wheel.read(info)) for info in wheel.infolist()]
        return {i.filename: f"{hashlib.sha256(d).hexdigest()} {i.date_time} {i.external_attr:o}" for i, d in files}
    with tarfile.open(path) as sdist:
        found = {}
        for member in sdist.getmembers():
            data = sdist.extractfile(member)
            content = hashlib.sha256(data.read() if data else b"").hexdigest()
            found[member.name] = f"{content} {member.mtime} {member.mode:o}"
        return found


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
