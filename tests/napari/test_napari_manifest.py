from __future__ import annotations

import builtins
import importlib
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari._app_model.constants._menus import is_menu_contributable
from napari.components import ViewerModel
from npe2 import PluginManager, PluginManifest

from dinoscope.napari._preferences import Preferences, read_preferences

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST = Path(str(files("dinoscope.napari").joinpath("napari.yaml")))


@pytest.fixture
def manifest() -> PluginManifest:
    read: PluginManifest = PluginManifest.from_file(MANIFEST)
    return read


@pytest.fixture
def plugins(manifest: PluginManifest, npe2pm: PluginManager, plugin_settings: None) -> Iterator[PluginManager]:
    npe2pm.register(manifest)
    yield npe2pm
    npe2pm.unregister(manifest.name)


def readers_of(plugins: PluginManager, path: Path) -> set[str]:
    return {reader.command for reader in plugins.iter_compatible_readers([str(path)])}


def test_every_command_of_ours_is_a_callable_that_exists(manifest: PluginManifest) -> None:
    for command in manifest.contributions.commands or []:
        module, _, name = str(command.python_name).partition(":")
        assert callable(getattr(importlib.import_module(module), name)), command.id


def test_every_command_is_used_by_a_contribution_and_every_contribution_has_one(manifest: PluginManifest) -> None:
    points = manifest.contributions
    items: list[Any] = [*(points.readers or []), *(points.writers or []), *(points.widgets or [])]
    items += [*(points.sample_data or []), *(item for menu in points.menus.values() for item in menu)]
    assert {item.command for item in items} == {command.id for command in points.commands or []}


def test_menus_are_ones_that_napari_offers(manifest: PluginManifest) -> None:
    assert all(is_menu_contributable(menu) for menu in manifest.contributions.menus)
    assert set(manifest.contributions.menus) == {
        "napari/layers/segment",
        "napari/layers/annotate",
        "napari/layers/measure",
        "napari/file/io_utilities",
    }


@pytest.mark.parametrize("name", ["a_mask.tif", "a_detections.csv", "a.geojson", "ref.safetensors", "any.tif.json"])
def test_files_of_ours_are_offered_to_the_reader(plugins: PluginManager, tmp_path: Path, name: str) -> None:
    assert readers_of(plugins, tmp_path / name) == {"dinoscope.get_reader"}


@pytest.mark.parametrize("name", ["image.tif", "image.png", "points.csv", "settings.json", "model.pt"])
def test_other_files_raise_no_question_which_reader_to_use(plugins: PluginManager, tmp_path: Path, name: str) -> None:
    assert not readers_of(plugins, tmp_path / name)


def test_the_defaults_in_the_preferences_window_are_those_of_the_code(plugins: PluginManager) -> None:
    assert read_preferences() == Preferences()


def test_what_is_chosen_in_the_preferences_is_read(plugins: PluginManager, tmp_path: Path) -> None:
    from napari.settings import get_plugin_settings

    chosen = get_plugin_settings("dinoscope")
    chosen.features.encoder = "dinov2-small"
    chosen.features.device = "cuda"
    chosen.cache.folder = str(tmp_path)
    chosen.cache.limit_gb = 2
    assert read_preferences() == Preferences("dinov2-small", "cuda", tmp_path, 2_000_000_000)


def test_emptied_preferences_are_the_defaults_and_a_limit_of_0_is_none(plugins: PluginManager) -> None:
    from napari.settings import get_plugin_settings

    chosen = get_plugin_settings("dinoscope")
    chosen.features.encoder = " "
    chosen.features.device = ""
    chosen.cache.limit_gb = 0
    assert read_preferences() == Preferences(cache_limit=None)


def test_without_the_plugin_in_napari_the_defaults_hold(npe2pm: PluginManager, plugin_settings: None) -> None:
    assert read_preferences() == Preferences()


def test_an_older_napari_has_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    import_any = builtins.__import__

    def import_older(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "napari.settings":
            raise ImportError("cannot import name 'get_plugin_settings' from 'napari.settings'")
        return import_any(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", import_older)
    assert read_preferences() == Preferences()


def test_neither_the_plugin_nor_its_reader_loads_qt_or_torch() -> None:
    check = (
        "import sys, dinoscope.napari, dinoscope.napari._preferences\n"
        "from dinoscope.napari._reader import get_reader\n"
        "get_reader('absent.tif'), get_reader('absent.zarr')\n"
        "sys.exit(','.join({'qtpy', 'PyQt6', 'torch', 'napari'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_widget_opens_without_what_only_work_needs() -> None:
    check = (
        "import sys, dinoscope.napari._widget\n"
        "slow = {'torch', 'dinoscope.segmentation', 'dinoscope.similarity', 'dinoscope.detection'}\n"
        "sys.exit(','.join(slow & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_napari_opens_and_saves_through_the_plugin(plugins: PluginManager, tmp_path: Path) -> None:
    viewer = ViewerModel()
    labels = viewer.add_labels(np.eye(80, dtype=int), name="cells", scale=(4, 4), units=("nm", "nm"))
    points = viewer.add_points([[3.0, 4.0]], name="spots", scale=(4, 4), units=("nm", "nm"))
    paths = [tmp_path / "cells.ome.zarr", tmp_path / "a_mask.ome.tif", tmp_path / "spots.geojson"]
    for layer, path in zip((labels, labels, points), paths, strict=True):
        assert layer.save(str(path)) == [str(path)]
        (opened,) = viewer.open(path, plugin="dinoscope")
        assert type(opened) is type(layer)
        np.testing.assert_array_equal(np.asarray(opened.data), layer.data)
        np.testing.assert_array_equal(opened.scale, layer.scale)
    assert str(viewer.layers[-1].source.path) == str(paths[-1])


def test_napari_opens_the_phantom_from_its_menu(plugins: PluginManager) -> None:
    viewer = ViewerModel()
    image, truth = viewer.open_sample("dinoscope", "phantom_2d")
    assert image.source.sample == ("dinoscope", "phantom_2d")
    assert not truth.visible


def test_a_plain_tiff_or_csv_is_not_taken_from_naparis_own_writers(plugins: PluginManager) -> None:
    assert plugins.get_writer("labels.tif", ["labels"])[0] is None
    assert plugins.get_writer("points.csv", ["points"])[0] is None
