"""`dinoscope reference`, on references made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.geometry import Region
from dinoscope.prompts import PointPrompt, describe_prompt
from dinoscope.reference import Reference, Window
from dinoscope.testing import FakeEncoder
from tests.commands import refuse, run

if TYPE_CHECKING:
    from pathlib import Path


def saved(folder: Path, name: str, prompts: list[PointPrompt], fingerprint: str = "fake", nm: float = 5.0) -> Path:
    """A reference in which the first number of each vector is the x of its point."""
    names = tuple(dict.fromkeys(prompt.class_name for prompt in prompts))
    place = Region((0, 0, 0), (1, 1, 1))
    window = Window(name, place, place, place.start, np.zeros((1, 1, 2), np.float16))
    return Reference(
        names,
        np.array([(prompt.position[2], 0) for prompt in prompts], np.float32),
        np.array([names.index(prompt.class_name) for prompt in prompts]),
        np.array([prompt.positive for prompt in prompts]),
        (window,) * len(prompts),
        FakeEncoder(fingerprint=fingerprint).spec,
        nm,
        tuple({"image": f"/data/{name}.tif", **describe_prompt(prompt)} for prompt in prompts),
    ).save(folder / f"{name}.safetensors")


CELL, VESICLE = PointPrompt((0, 4, 10), "cell"), PointPrompt((1, 5, 30), "vesicle")
NONE = PointPrompt((0, 4, 20), "cell", positive=False)


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return saved(tmp_path, "one", [CELL, NONE])


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return saved(tmp_path, "two", [VESICLE, replace(CELL, position=(0, 4, 40))])


def test_the_examples_are_listed(one: Path, two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = run(capsys, "reference", one, two)["references"]
    assert (first["encoder"], first["pixel_size_nm"], first["classes"]) == ("fake", 5.0, ["cell"])
    assert [example["number"] for example in (*first["examples"], *second["examples"])] == [0, 1, 2, 3]
    assert first["examples"][1] == {
        "number": 1, "class": "cell", "positive": False, "image": "/data/one.tif", "kind": "point",
        "position": [0, 4, 20],
    }  # fmt: skip


def test_people_read_one_line_per_example(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dinoscope.cli import main

    main(["reference", str(one)])
    header, *lines = capsys.readouterr().out.splitlines()
    assert header == f"{one}: fake, 5 nm per pixel"
    assert [line.split() for line in lines] == [
        ["0", "cell", "+", "point", "at", "z", "0,", "y", "4,", "x", "10", "/data/one.tif"],
        ["1", "cell", "-", "point", "at", "z", "0,", "y", "4,", "x", "20", "/data/one.tif"],
    ]


@pytest.mark.parametrize(
    ("flags", "kept"),
    [((), [10, 20, 30, 40]), (("--keep", "0,2"), [10, 30]), (("--drop", "1,2"), [10, 40])],
)
def test_the_chosen_examples_become_one_reference(
    one: Path, two: Path, flags: tuple[str, ...], kept: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    out = one.with_name("out.safetensors")
    told = run(capsys, "reference", one, two, "--combine", out, *flags)
    made = Reference.load(out)
    assert made.vectors[:, 0].tolist() == kept
    assert told["count"] == len(kept)
    assert told["written"] == str(out)
    assert [record["position"][2] for record in made.provenance] == kept


def test_what_cannot_be_is_refused(one: Path, two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other, out = saved(tmp_path, "other", [CELL], fingerprint="strange"), tmp_path / "out.safetensors"
    told = refuse(capsys, "reference", one, other, "--combine", out)
    assert "weights strange" in told
    assert "weights fake" in told
    assert str(other) in told
    assert "no example 7" in refuse(capsys, "reference", one, two, "--keep", "0,7")
    assert "no positive example" in refuse(capsys, "reference", one, "--keep", "1", "-o", out)
    assert "--force" in refuse(capsys, "reference", one, "-o", two)
    assert not out.exists()
    assert "expected whole numbers" in _usage(capsys, "reference", str(one), "--keep", "all")
    assert len(run(capsys, "reference", one, other)["references"]) == 2  # there is no harm in looking


def test_unlike_scales_are_a_note(one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dinoscope.cli import main

    coarse, out = saved(tmp_path, "coarse", [CELL], nm=20.0), tmp_path / "out.safetensors"
    main(["reference", str(one), str(coarse), "-o", str(out)])
    assert "20 nm/px" in capsys.readouterr().err
    assert out.exists()


def _usage(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    from dinoscope.cli import main

    with pytest.raises(SystemExit):
        main(list(words))
    return capsys.readouterr().err
