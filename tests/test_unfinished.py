from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.errors import OutputExistsError
from dinoscope.outputs import ensure_writable, scratch_folder
from dinoscope.unfinished import clear_scratch, clear_unfinished, own_mark, unfinished_name

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def dead() -> str:
    """The mark of a process that is no more."""
    script = "from dinoscope.unfinished import own_mark; print(own_mark())"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def hidden(path: Path, why: str, mark: str) -> Path:
    return path.with_name(f".{path.name}.{why}-{mark}")


def test_marks_tell_processes_of_one_machine_apart(dead: str) -> None:
    ours, theirs = own_mark().rsplit("-", 1), dead.rsplit("-", 1)
    assert ours[0] == theirs[0]
    assert int(ours[1]) == os.getpid() != int(theirs[1])


def test_what_the_dead_began_is_deleted_and_what_the_living_do_is_not(tmp_path: Path, dead: str) -> None:
    target = tmp_path / "mask.zarr"
    for mark in (dead, own_mark(), "0badf00d-1"):
        for name in ("mask.zarr", "mask.zarr2", "other.zarr"):
            folder = hidden(tmp_path / name, "partial", mark)
            folder.mkdir()
            (folder / "chunk").write_bytes(b"half")
    hidden(target, "removed", dead).write_bytes(b"file")
    (tmp_path / ".mask.zarr.partial-notes").write_text("of a person")
    before = set(tmp_path.iterdir())
    clear_unfinished(target)
    assert before - set(tmp_path.iterdir()) == {hidden(target, "partial", dead), hidden(target, "removed", dead)}
    assert unfinished_name(target, "partial").is_dir()


def test_a_result_that_was_put_aside_comes_back_unless_the_new_one_is_there(tmp_path: Path, dead: str) -> None:
    target = tmp_path / "mask.zarr"
    for content, there in ((b"old", False), (b"older", True)):
        aside = hidden(target, "replaced", dead)
        aside.mkdir()
        (aside / "zarr.json").write_bytes(content)
        clear_unfinished(target)
        assert not aside.exists(), there
        assert (target / "zarr.json").read_bytes() == b"old"
    with pytest.raises(OutputExistsError):
        ensure_writable(target)


def test_a_check_of_the_name_finds_the_result_that_was_put_aside(tmp_path: Path, dead: str) -> None:
    hidden(tmp_path / "table.csv", "replaced", dead).write_text("label\n1\n")
    with pytest.raises(OutputExistsError):
        ensure_writable(tmp_path / "table.csv")


def test_scratch_of_the_dead_goes_when_new_scratch_is_made(tmp_path: Path, dead: str) -> None:
    left = tmp_path / f".dinoscope-{dead}-x1y2"
    left.mkdir()
    np.save(left / "labels.npy", np.zeros(3))
    with scratch_folder(tmp_path / "mask.zarr") as ours:
        assert not left.exists()
        clear_scratch(tmp_path)
        assert ours.is_dir()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    clear_unfinished(tmp_path / "none" / "mask.zarr")
    clear_scratch(tmp_path / "none")
