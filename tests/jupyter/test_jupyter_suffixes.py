"""The file browser offers to open what dinoscope can open."""

from __future__ import annotations

import re
from importlib.resources import files

from dinoscope.image import IMAGE_SUFFIXES

SOURCE = files("dinoscope.jupyter") / "frontend" / "lab" / "image_files.ts"


def literals(pattern: str) -> list[str]:
    """The strings in a part of the extension's source."""
    (part,) = re.findall(pattern, SOURCE.read_text(encoding="utf8"), re.DOTALL)
    return re.findall(r'"(.*?)"', part)


def test_files_are_offered_by_the_suffixes_that_open_image_knows() -> None:
    offered = literals(r"const IMAGE_SUFFIXES\b[^=]*= (\[.*?\]);")
    assert len(offered) == len(set(offered))
    assert set(offered) == set(IMAGE_SUFFIXES)


def test_folders_are_offered_as_zarr() -> None:
    assert literals(r"const ZARR_SUFFIX = (.*?);") == [".zarr"]
