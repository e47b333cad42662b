from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr

from dinoscope.errors import StoreError
from dinoscope.features import (
    FeatureStore,
    extract_features,
    is_feature_store,
    mark_used,
    plan_features,
    trim_cache,
)
from dinoscope.image import open_image
from dinoscope.settings import IntensitySettings, TilingSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path


def make_store(path: Path, hours_ago: float) -> FeatureStore:
    image = open_image(np.random.default_rng(0).random((100, 100), np.float32), name="i")
    encoder = FakeEncoder()
    store = FeatureStore.create(path, plan_features(image, encoder.spec, TilingSettings(), IntensitySettings()))
    extract_features(image, encoder, store)
    then = time.time() - hours_ago * 3600
    for file in path.rglob("*"):
        os.utime(file, (then, then))
    return store


def size_of(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def make_cache(folder: Path) -> dict[str, Path]:
    ages = {"newest": 2, "oldest": 90, "middle": 50}
    return {name: make_store(folder / f"{name}.zarr", hours).path for name, hours in ages.items()}


def test_the_stores_used_longest_ago_go_first_and_no_more_than_needed(tmp_path: Path) -> None:
    cache = make_cache(tmp_path)
    one = size_of(cache["newest"])
    assert trim_cache(tmp_path, 3 * one) == ()
    assert trim_cache(tmp_path, 3 * one - 1) == (cache["oldest"],)
    assert trim_cache(tmp_path, one) == (cache["middle"],)
    assert sorted(tmp_path.iterdir()) == [cache["newest"]]
    assert FeatureStore.open(cache["newest"]).pending() == []


def test_kept_stores_stay_though_the_limit_is_exceeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = make_cache(tmp_path)
    monkeypatch.chdir(tmp_path)
    removed = trim_cache(tmp_path, 0, keep=[cache["oldest"].relative_to(tmp_path)])
    assert removed == (cache["middle"], cache["newest"])
    assert cache["oldest"].exists()


def test_a_store_that_was_used_just_now_stays(tmp_path: Path) -> None:
    cache = make_cache(tmp_path)
    mark_used(cache["oldest"])
    os.utime(cache["middle"] / "tiles" / "zarr.json")  # a tile was done
    assert trim_cache(tmp_path, 0) == (cache["newest"],)


def test_an_opened_store_counts_as_used(tmp_path: Path) -> None:
    cache = make_cache(tmp_path)
    FeatureStore.open(cache["oldest"])
    assert trim_cache(tmp_path, 0) == (cache["middle"], cache["newest"])


def test_marking_changes_nothing_but_the_time(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.zarr", hours_ago=9)
    before = (store.path / "zarr.json").read_bytes()
    mark_used(store.path)
    assert time.time() - (store.path / "zarr.json").stat().st_mtime < 600
    assert (store.path / "zarr.json").read_bytes() == before
    mark_used(tmp_path / "absent.zarr")


def test_nothing_but_feature_stores_is_touched(tmp_path: Path) -> None:
    store = make_store(tmp_path / "cache" / "s.zarr", hours_ago=9).path
    elsewhere = make_store(tmp_path / "elsewhere.zarr", hours_ago=9).path
    (store.parent / "linked.zarr").symlink_to(elsewhere)
    store.rename(store.with_name("not-named-like-one"))
    group = zarr.create_group(store.parent / "image.zarr", attributes={"ome": {}})
    group.create_array("0", shape=(4,), dtype="uint8")
    (store.parent / "broken.zarr").mkdir()
    (store.parent / "broken.zarr" / "zarr.json").write_text('["attributes"]')
    (store.parent / "file.zarr").write_text("text")
    for file in store.parent.rglob("*"):
        os.utime(file, (0, 0), follow_symlinks=False)
    before = sorted(tmp_path.rglob("*"))
    assert trim_cache(store.parent, 0) == ()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_store_that_cannot_be_moved_is_left_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(tmp_path / "s.zarr", hours_ago=9)

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(type(tmp_path), "rename", refuse)
    assert trim_cache(tmp_path, 0) == ()
    assert FeatureStore.open(store.path).pending() == []


def test_an_absent_folder_is_an_empty_cache(tmp_path: Path) -> None:
    assert trim_cache(tmp_path / "absent", 0) == ()
    with pytest.raises(StoreError, match="expected 0 or more"):
        trim_cache(tmp_path, -1)


def test_a_store_is_told_from_other_folders(tmp_path: Path) -> None:
    assert is_feature_store(make_store(tmp_path / "s.zarr", hours_ago=0).path)
    assert not is_feature_store(tmp_path)
    assert not is_feature_store(tmp_path / "absent")
