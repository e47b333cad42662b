"""Shifted passes: one setting that reaches the encoder from commands, batches and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tifffile

from dinoscope.batch import Recipe, Stages, apply
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.prompts import PointPrompt, write_prompts
from dinoscope.reference import build_reference
from dinoscope.session import Session
from dinoscope.settings import EncoderSettings, IntensitySettings, ReferenceSettings, TilingSettings
from dinoscope.testing import FakeEncoder
from tests.commands import refuse, run

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.image import Image

CLICK = PointPrompt((0, 48.0, 48.0))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, squares: Image) -> Path:
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite(tmp_path / "image.tif", squares.read(squares.extent))
    write_prompts([CLICK], tmp_path / "clicks.csv")
    return tmp_path


def test_the_costs_are_those_of_the_fine_grid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    once, twice = (run(capsys, "info", "image.tif", "--passes", passes) for passes in ("1", "2"))
    assert once["feature_bytes"] == 20 * 25 * 64 * 2
    assert twice["feature_bytes"] == 4 * once["feature_bytes"]
    assert twice["tiles"] == once["tiles"] == 1
    assert twice["features"] != once["features"]
    assert "2 x 2" in twice["encoder"]


def test_features_of_several_passes_are_told_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = [run(capsys, "extract", "image.tif", "--passes", passes) for passes in ("1", "2")]
    assert [report["grid"] for report in made] == [[1, 20, 25], [1, 40, 50]]
    refused = refuse(capsys, "extract", "image.tif", "--passes", "2", "-o", made[0]["features"])
    assert "store" in refused


def test_a_reference_of_one_pass_segments_in_two(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = ("segment", "image.tif", "--prompts", "clicks.csv", "--save-reference", "one.dinoref")
    run(capsys, *first, "-o", "coarse.tif")
    run(capsys, "segment", "image.tif", "--reference", "one.dinoref", "--passes", "2", "-o", "fine.tif")
    mask = tifffile.imread(folder / "fine.tif") > 0
    assert mask[40:56, 40:56].all()
    assert mask[104:120, 136:152].all()
    assert not mask[70:90].any()


def test_passes_that_do_not_fit_the_encoder_are_explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "choose one of 1, 2, 4, 8" in refuse(capsys, "extract", "image.tif", "--passes", "3")


def test_a_batch_looks_in_passes(tmp_path: Path, squares: Image) -> None:
    encoder = FakeEncoder(stride=8)
    manifest = plan_features(squares, encoder.spec, TilingSettings(), IntensitySettings())
    store = FeatureStore.create(tmp_path / "coarse.zarr", manifest)
    extract_features(squares, encoder, store)
    recipe = Recipe(
        reference=build_reference(store, [CLICK], ReferenceSettings()),
        stages=Stages(encoder=EncoderSettings(passes=2)),
        results=("mask",),
        labels_as="tif",
        store_folder=tmp_path / "stores",
    )
    (row,) = apply(recipe, [squares], tmp_path / "out", make_encoder=lambda name, device: encoder)
    assert not row.error
    (path,) = (tmp_path / "stores").iterdir()
    assert FeatureStore.open(path).grid.stride == 4


def test_a_session_looks_in_passes_and_loads_the_encoder_once(tmp_path: Path, squares: Image) -> None:
    made: list[FakeEncoder] = []

    def make(name: str, device: str) -> FakeEncoder:
        made.append(FakeEncoder(stride=8))
        return made[-1]

    session = Session(folder=tmp_path, make_encoder=make)
    session.image, session.prompts = squares, [CLICK]
    session.request("segmentation", "cost")
    coarse = session.result("features").grid, session.result("cost")
    session.settings.encoder.passes = 2
    session.request("segmentation", "cost")
    fine = session.result("features").grid, session.result("cost")
    assert len(made) == 1
    assert (coarse[0].stride, fine[0].stride) == (8, 4)
    assert fine[1].cache_bytes == 4 * coarse[1].cache_bytes
    assert session.result("segmentation").mask[48, 48] == 1
    assert "stride is 8 px" in _failure(session, 3)


def _failure(session: Session, passes: int) -> str:
    told: list[str] = []
    session.events.failed.connect(told.append)
    session.settings.encoder.passes = passes
    session.request("features")
    return " ".join(told)
