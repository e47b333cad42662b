"""Results, settings and files in the panel, with the messages that a browser sends; work is done in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
import tifffile

from dinoscope.batch import ResultKind
from dinoscope.image import open_image
from dinoscope.jupyter import Panel
from dinoscope.session import Session
from dinoscope.testing import FakeEncoder
from tests.jupyter.browsing import edit, is_told, is_visible, press, text
from tests.notebook import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.image import Image


def pixels_of(image: Image) -> NDArray[Any]:
    return image.read(image.extent)


@pytest.fixture
def picture(tmp_path: Path, squares: Image) -> Path:
    """The squares as a file."""
    path = tmp_path / "picture.tif"
    tifffile.imwrite(path, pixels_of(squares))
    return path


@pytest.fixture
def other(comms: None, tmp_path: Path) -> Iterator[Panel]:
    """A panel of another session, as on another day."""
    made = Panel(Session(folder=tmp_path / "other", make_encoder=lambda *_: FakeEncoder()))
    yield made
    made.close()


# Results


def test_the_slider_cuts_the_mask_anew(panel: Panel, page: Page) -> None:
    page.click(48, 48)
    auto, slider = panel.result_panel.threshold.control("threshold").children
    before = page.layer("mask"), page.pixels("mask")
    edit(auto, False)
    edit(slider, 0.0)
    assert panel.session.settings.segmentation.threshold == 0.0
    assert page.layer("mask") != before[0]
    assert (page.pixels("mask")[..., 3] > 0).all()
    assert (before[1][..., 3] == 0).any()


def test_the_slider_shows_the_number_that_auto_stands_for(panel: Panel, page: Page) -> None:
    auto, slider = panel.result_panel.threshold.control("threshold").children
    assert slider.value == 0.5, "where a person would start who knows nothing"
    page.click(48, 48)
    assert auto.value
    assert slider.value == pytest.approx(float(panel.session.thresholds()[0])) != 0.5
    assert panel.session.settings.segmentation.threshold == "auto"


def test_the_contrast_starts_from_that_of_the_image(panel: Panel, page: Page) -> None:
    black, white = (panel.view_panel.layers.control(name).children[1] for name in ("black_at", "white_at"))
    page.pixels("image")  # for which it is measured
    page.click(48, 48)
    assert 0 <= black.value < 0.01
    assert 0.85 < white.value <= 0.9
    assert panel.canvas.settings.white_at == "auto"


def test_what_the_encoder_sees_is_shown_when_asked_for(panel: Panel, page: Page) -> None:
    assert page.layer("colours") is None
    press(panel.result_panel.colours)
    assert page.layer("colours") is not None


def test_the_view_is_set_in_the_panel(panel: Panel, page: Page) -> None:
    page.click(48, 48)
    layers = panel.view_panel.layers
    edit(layers.control("opacity"), 0.25)
    edit(layers.control("mask"), False)
    edit(layers.control("uncertainty"), True)
    shown = {layer["name"].split()[0]: layer["opacity"] for layer in page.scene["layers"]}
    assert shown == {"image": 1.0, "similarity": 0.25, "uncertainty": 0.25, "examples": 1.0}
    auto, number = layers.control("white_at").children
    before = page.pixels("image")
    edit(auto, False)
    edit(number, 1000.0)  # far brighter than all there is
    assert before.max() > 200
    assert page.pixels("image").max() == 0


# Objects


def test_objects_are_counted_and_listed(panel: Panel, page: Page) -> None:
    page.click(48, 48)
    press(panel.object_panel.commit)
    assert text(panel.object_panel.count) == "object: 2 found"
    table = panel.object_panel.table
    names = [column["name"] for column in table.columns]
    areas = [row[names.index("area_px")] for row in table.rows]
    assert areas == pytest.approx([32 * 32] * 2, rel=0.2)
    assert names == list(panel.session.result("measurements").overview)
    assert table.total == 2


@pytest.mark.parametrize(("row", "centre"), [(0, (48, 48)), (1, (112, 144))])
def test_a_row_brings_its_object_into_sight(panel: Panel, page: Page, row: int, centre: tuple[float, float]) -> None:
    page.click(48, 48)
    press(panel.object_panel.commit)
    panel.object_panel.table.comm.receive({"type": "row", "index": row})
    ((look, _),) = page.comm.custom("look")
    assert (look["section"], look["y1"] - look["y0"], look["x1"] - look["x0"]) == (0, 160, 200)
    assert ((look["y0"] + look["y1"]) / 2, (look["x0"] + look["x1"]) / 2) == pytest.approx(centre, abs=2)


def test_objects_that_are_no_longer_true_go(panel: Panel, page: Page) -> None:
    page.click(48, 48)
    press(panel.object_panel.commit)
    edit(panel.object_panel.smallest.control("min_diameter"), 100.0)
    assert text(panel.object_panel.count) == "Something changed since: get the objects again."
    assert (panel.object_panel.table.rows, panel.object_panel.table.total) == ([], 0)
    press(panel.object_panel.commit)
    assert text(panel.object_panel.count) == "object: 0 found"


# All settings


def test_a_form_of_all_settings_is_made_when_it_is_opened(panel: Panel) -> None:
    settings = panel.settings_panel
    assert list(settings.forms()) == []
    settings.comm.receive_state(selected_index=settings.titles.index("Segmentation"))
    (form,) = settings.forms()
    settings.comm.receive_state(selected_index=None)
    settings.comm.receive_state(selected_index=settings.titles.index("Segmentation"))
    assert list(settings.forms()) == [form]


def test_both_forms_of_a_field_stay_in_step(panel: Panel) -> None:
    panel.settings_panel.selected_index = panel.settings_panel.titles.index("Segmentation")
    (form,) = panel.settings_panel.forms()
    own = panel.object_panel.smallest.control("min_diameter")
    edit(own, 40.0)
    assert form.control("min_diameter").value == 40
    edit(form.control("min_diameter"), 50.0)
    assert own.value == 50


@pytest.mark.parametrize("opened_first", [True, False])
def test_defaults_are_shown_as_the_numbers_they_stand_for(
    make_panel: Callable[..., Panel], squares: Image, opened_first: bool
) -> None:
    panel = make_panel(None)
    tiling = panel.settings_panel.titles.index("Tiling")
    if opened_first:
        panel.settings_panel.comm.receive_state(selected_index=tiling)
    panel.session.image = squares.with_pixel_size(5.0)
    panel.settings_panel.comm.receive_state(selected_index=tiling)
    (form,) = panel.settings_panel.forms()
    shown = {name: form.control(name).children[1].value for name in ("tile", "halo", "pixel_size", "scale")}
    assert shown == {"tile": 64, "halo": 8, "pixel_size": 5, "scale": 1}  # the fake encoder's, and the image's
    assert panel.image_panel.scale.control("pixel_size").children[1].value == 5
    assert panel.session.settings.tiling.tile is None


# Sessions and references


def test_a_saved_session_goes_on_in_another_panel(
    make_panel: Callable[..., Panel], other: Panel, picture: Path, tmp_path: Path
) -> None:
    panel = make_panel(open_image(picture))
    Page(panel.viewer).click(48, 48)
    Page(panel.viewer).click(80, 80, counter=True)
    panel.session.settings.segmentation.threshold = 0.7
    path = str(tmp_path / "monday.json")
    edit(panel.file_panel.session_path, path)
    press(panel.file_panel.save_session)
    assert is_told(panel, f"saved as {path}")
    edit(other.file_panel.session_path, path)
    press(other.file_panel.load_session)
    assert other.session.prompts == panel.session.prompts
    assert other.session.settings.to_dict() == panel.session.settings.to_dict()
    mask = Page(panel.viewer).pixels("mask")
    assert 0 < (mask[..., 3] > 0).mean() < 1
    np.testing.assert_array_equal(Page(other.viewer).pixels("mask"), mask)
    assert text(other.example_panel.summary) == "object: 1 example, 1 counter-example"


def test_a_saved_session_comes_back_and_the_image_stays_open(
    make_panel: Callable[..., Panel], picture: Path, tmp_path: Path
) -> None:
    image = open_image(picture)
    panel = make_panel(image)
    Page(panel.viewer).click(48, 48)
    given = panel.session.prompts
    edit(panel.file_panel.session_path, str(tmp_path / "monday.json"))
    press(panel.file_panel.save_session)
    press(panel.example_panel.clear)
    press(panel.file_panel.load_session)
    assert panel.session.prompts == given
    assert panel.session.image is image


def test_a_session_that_cannot_be_loaded_is_told_and_nothing_changes(panel: Panel, page: Page, tmp_path: Path) -> None:
    page.click(48, 48)
    before = panel.session.prompts
    edit(panel.file_panel.session_path, str(tmp_path / "never.json"))
    press(panel.file_panel.load_session)
    assert is_told(panel, "never.json cannot be read as a session")
    assert panel.session.prompts == before


def test_there_is_no_session_to_save_without_an_image(other: Panel, tmp_path: Path) -> None:
    edit(other.file_panel.session_path, str(tmp_path / "monday.json"))
    press(other.file_panel.save_session)
    assert is_told(other, "there is no image, so there is nothing to save")
    assert not (tmp_path / "monday.json").exists()


def test_a_reference_finds_the_same_in_another_image(
    panel: Panel, page: Page, other: Panel, squares: Image, tmp_path: Path
) -> None:
    path = str(tmp_path / "square.safetensors")
    page.click(48, 48)
    edit(panel.file_panel.reference_path, path)
    press(panel.file_panel.save_reference)
    other.session.image = open_image(pixels_of(squares)[::-1].copy())
    edit(other.file_panel.reference_path, path)
    press(other.file_panel.load_reference)
    assert text(other.example_panel.summary) == "and 1 loaded reference"
    mask = Page(other.viewer).pixels("mask")[..., 3] > 0
    assert mask[160 - 49, 48]
    assert not mask[80, 80]


def test_a_reference_that_cannot_be_written_is_told(panel: Panel, page: Page, tmp_path: Path) -> None:
    page.click(48, 48)
    edit(panel.file_panel.reference_path, str(tmp_path / "no such folder" / "square.safetensors"))
    press(panel.file_panel.save_reference)
    assert is_told(panel, "cannot be written to")


def test_there_is_no_reference_to_save_without_examples(panel: Panel, tmp_path: Path) -> None:
    edit(panel.file_panel.reference_path, str(tmp_path / "square.safetensors"))
    press(panel.file_panel.save_reference)
    assert is_told(panel, "there is no reference yet: click on one object first")
    assert not (tmp_path / "square.safetensors").exists()


def test_what_is_no_reference_is_told(panel: Panel, picture: Path) -> None:
    edit(panel.file_panel.reference_path, str(picture))
    press(panel.file_panel.load_reference)
    assert is_told(panel, "is not a dinoscope reference")
    assert panel.session.references == ()


# Results on disk


def test_the_results_of_this_image_are_exported(panel: Panel, page: Page, tmp_path: Path) -> None:
    page.click(48, 48)
    batch = panel.batch_panel
    kinds = get_args(ResultKind)
    batch.kinds.comm.receive_state(index=[kinds.index("mask"), kinds.index("measurements")])
    edit(batch.target, str(tmp_path / "results"))
    press(batch.this)
    assert [row[:3] for row in batch.table.rows] == [["squares", "done", 2]]
    assert text(batch.progress).startswith("1 image")
    written = open_image(tmp_path / "results" / "squares_mask.ome.zarr")
    np.testing.assert_array_equal(pixels_of(written) > 0, page.pixels("mask")[..., 3] > 0)
    assert not list((tmp_path / "results").glob("*detections*"))
    assert not is_visible(batch.cancel)
    assert not batch.this.disabled


def test_a_folder_of_images_is_searched(panel: Panel, page: Page, picture: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    picture.rename(images / "good.tif")
    (images / "no.tif").write_bytes(b"no image")
    page.click(48, 48)
    edit(panel.batch_panel.source, str(images))
    edit(panel.batch_panel.target, str(tmp_path / "results"))
    press(panel.batch_panel.many)
    assert [row[:3] for row in panel.batch_panel.table.rows] == [["good", "done", 2], ["no", "failed", 0]]
    assert len((tmp_path / "results" / "summary.csv").read_text().splitlines()) == 3
    assert is_told(panel, "no: ")


@pytest.mark.parametrize(
    ("click", "kinds", "source", "start", "words"),
    [
        (False, [0], "", "this", "there is no reference yet: click on one object first"),
        (True, [0], "", "many", "no folder of images is named"),
        (True, [0], "empty", "many", "no images in"),
        (True, [], "", "this", "asks for no results"),
    ],
    ids=["no examples", "no folder", "an empty folder", "no results"],
)
def test_what_cannot_be_made_is_told(
    panel: Panel, page: Page, tmp_path: Path, click: bool, kinds: list[int], source: str, start: str, words: str
) -> None:
    if click:
        page.click(48, 48)
    batch = panel.batch_panel
    batch.kinds.comm.receive_state(index=kinds)
    (tmp_path / "empty").mkdir()
    edit(batch.source, source and str(tmp_path / source))
    edit(batch.target, str(tmp_path / "results"))
    press(getattr(batch, start))
    assert is_told(panel, words)
    assert batch.table.rows == []
    assert not batch.this.disabled


def test_there_is_nothing_to_export_without_an_image(other: Panel) -> None:
    press(other.batch_panel.this)
    assert is_told(other, "there is no image: open one first")
