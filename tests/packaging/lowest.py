"""Constraints that pin what dinoscope asks for to the oldest version it says it works with.

``python -m tests.packaging.lowest --extras io,dev --except torch > lowest.txt`` and then ``pip install -c lowest.txt``.
What these packages ask for in turn stays free, as with ``uv pip compile --resolution lowest-direct``.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.packaging.project import requirements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.requirements import Requirement


def lower_bounds(wanted: Iterable[Requirement]) -> dict[str, Version]:
    """The oldest version that satisfies all requirements on a package; packages without a lower bound are left out."""
    oldest: dict[str, Version] = {}
    for requirement in wanted:
        for part in requirement.specifier:
            if part.operator == ">=":
                name, version = canonicalize_name(requirement.name), Version(part.version)
                oldest[name] = max(version, oldest.get(name, version))
    return oldest


def main() -> None:
    """Write the constraints to the standard output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extras", default="", metavar="A,B", help="Extras of dinoscope that are pinned, too.")
    parser.add_argument("--except", default="", dest="left_out", metavar="A,B", help="Packages that stay free.")
    args = parser.parse_args()
    bounds = lower_bounds(requirements(filter(None, args.extras.split(","))))
    for name, version in sorted(bounds.items()):
        if name not in args.left_out.split(","):
            sys.stdout.write(f"{name}=={version}\n")


if __name__ == "__main__":
    main()
