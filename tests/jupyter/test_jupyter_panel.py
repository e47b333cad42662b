"""Image, encoder, examples and the footer, with the messages that a browser sends; work is done in place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from dinoscope.encoders import list_encoders
from dinoscope.errors import EncoderInputError
from dinoscope.image import open_image
from dinoscope.jobs import Progress
from dinoscope.prompts import PointPrompt
from dinoscope.testing import FakeEncoder
from tests.jupyter.browsing import edit, is_told, is_visible, labels, pick, press, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dinoscope.image import Image
    from dinoscope.session import Session
    from tests.notebook import Page

    Panel = Any
    Widget = Any


@pytest.fixture
def loaded(session: Session) -> list[str]:
    """The names of the encoders that are loaded."""
    names: list[str] = []

    def make(name: str, _: str) -> FakeEncoder:
        names.append(name)
        return FakeEncoder(fingerprint=name)

    session.make_encoder = make
    return names


# Image


def test_an_image_is_opened_by_its_path(panel: Panel, page: Page, squares: Image, tmp_path: Path) -> None:
    page.click(48, 48)
    tifffile.imwrite(tmp_path / "picture.tif", np.zeros((70, 90), np.uint8))
    edit(panel.image_panel.source, str(tmp_path / "picture.tif"))
    assert panel.session.image is squares, "it is opened when somebody says so"
    press(panel.image_panel.open_button)
    assert (page.scene["name"], page.scene["height"], page.scene["width"]) == ("picture", 70, 90)
    assert panel.session.prompts == ()
    assert text(panel.image_panel.about).startswith("picture: 70 \N{MULTIPLICATION SIGN} 90 voxels (y, x), uint8")


@pytest.mark.parametrize(
    ("name", "words"),
    [("nowhere.tif", "there is no file or folder"), ("series.tif", "time points"), ("", "no image is named")],
)
def test_an_image_that_cannot_be_opened_is_told_and_the_one_before_stays(
    panel: Panel, squares: Image, tmp_path: Path, name: str, words: str
) -> None:
    series = np.zeros((5, 20, 20), np.uint8)
    tifffile.imwrite(tmp_path / "series.tif", series, metadata={"axes": "TYX"}, ome=True)
    edit(panel.image_panel.source, str(tmp_path / name) if name else "")
    press(panel.image_panel.open_button)
    assert is_told(panel, words)
    assert panel.session.image is squares
    assert text(panel.image_panel.about).startswith("squares: ")


def test_without_an_image_the_panel_says_so(make_panel: Callable[..., Panel]) -> None:
    panel = make_panel(None)
    assert text(panel.image_panel.about) == "No image is open."
    press(panel.object_panel.commit)
    assert is_told(panel, "there is no image: open one first")


def test_what_an_image_is_called_is_text_and_no_markup(make_panel: Callable[..., Panel]) -> None:
    panel = make_panel(open_image(np.zeros((20, 20), np.uint8), name="<img src=x onerror=alert(1)>"))
    assert panel.image_panel.about.value.startswith("&lt;img src=x onerror=alert(1)&gt;: 20")


def test_a_pixel_size_is_told_and_the_examples_stay(panel: Panel, page: Page) -> None:
    page.click(48, 48)
    assert panel.image_panel.pixel_size.value == 0
    edit(panel.image_panel.pixel_size, 4.6)
    assert panel.session.image.pixel_size_nm == pytest.approx(4.6)
    assert page.scene["pixel_nm"] == pytest.approx(4.6)
    assert text(panel.image_panel.about).endswith("4.6 nm")
    assert len(panel.session.prompts) == 1


@pytest.mark.parametrize("size", [0.0, -3.0])
def test_a_pixel_size_that_is_none_is_taken_back(panel: Panel, size: float) -> None:
    edit(panel.image_panel.pixel_size, 4.6)
    edit(panel.image_panel.pixel_size, size)
    assert panel.image_panel.pixel_size.value == panel.session.image.pixel_size_nm == pytest.approx(4.6)


def test_a_pixel_size_without_an_image_is_taken_back(make_panel: Callable[..., Panel]) -> None:
    panel = make_panel(None)
    edit(panel.image_panel.pixel_size, 4.6)
    assert panel.image_panel.pixel_size.value == 0


def test_the_cost_is_told_before_anybody_clicks(panel: Panel) -> None:
    assert text(panel.image_panel.cost) == str(panel.session.result("cost")) != ""
    panel.session.image = None
    assert text(panel.image_panel.cost) == ""


# Encoders


@pytest.fixture
def encoders(loaded: list[str], make_panel: Callable[..., Panel], monkeypatch: pytest.MonkeyPatch) -> Widget:
    """The part that chooses encoders, on a machine that has none but the smallest."""
    from dinoscope.jupyter import _image_panel
    from dinoscope.session import _words

    here = tuple(replace(listing, is_here=listing.entry.name == "nano") for listing in list_encoders())
    for module in (_image_panel, _words):
        monkeypatch.setattr(module, "list_encoders", lambda: here)
    made = make_panel().image_panel
    assert loaded == ["nano"]
    return made


ABSENT = "dinov2-small-reg  (download, 88 MB)"


def test_an_encoder_that_is_not_here_is_loaded_only_when_somebody_agrees(encoders: Widget, loaded: list[str]) -> None:
    assert not is_visible(encoders.download)
    pick(encoders.encoder, ABSENT)
    assert text(encoders.question).startswith(
        "dinov2-small-reg is not on this machine. Download 88 MB from huggingface"
    )
    assert is_visible(encoders.question)
    assert is_visible(encoders.download)
    assert loaded == ["nano"]
    press(encoders.download)
    press(encoders.download)  # a double click
    assert loaded == ["nano", "dinov2-small-reg"]
    assert not is_visible(encoders.question)
    assert not is_visible(encoders.download)


def test_who_does_not_agree_to_a_download_chooses_another(encoders: Widget, loaded: list[str]) -> None:
    pick(encoders.encoder, ABSENT)
    pick(encoders.encoder, "nano")
    assert not is_visible(encoders.download)
    assert loaded == ["nano"]


def test_an_encoder_comes_from_a_file(encoders: Widget, loaded: list[str]) -> None:
    assert not is_visible(encoders.weights)
    pick(encoders.encoder, "from a file or a folder…")
    assert is_visible(encoders.weights)
    edit(encoders.weights, "")
    assert loaded == ["nano"]
    edit(encoders.weights, "own.safetensors")
    assert loaded == ["nano", "own.safetensors"]
    assert encoders.encoder.label == "own.safetensors"
    pick(encoders.encoder, "nano")
    assert not is_visible(encoders.weights)


def test_an_encoder_chosen_in_a_cell_is_shown_and_ends_the_question(encoders: Widget, session: Session) -> None:
    pick(encoders.encoder, ABSENT)
    session.settings.encoder.encoder = "own.safetensors"
    assert encoders.encoder.value == "own.safetensors"
    assert not is_visible(encoders.download)


def test_an_error_of_the_encoder_is_told_once(make_panel: Callable[..., Panel], session: Session) -> None:
    def make(*_: str) -> FakeEncoder:
        raise EncoderInputError("these weights are <damaged>")

    session.make_encoder = make
    panel = make_panel()
    assert is_told(panel, "these weights are <damaged>")
    assert "&lt;damaged&gt;" in panel.footer.message.value
    assert panel.footer.text.value == "ready"


# Examples


def test_class_and_sign_are_those_of_the_next_example(panel: Panel, page: Page) -> None:
    examples = panel.example_panel
    edit(examples.new_class, "disc")
    edit(examples.new_class, "square")
    assert labels(examples.classes) == ["disc", "square"]
    assert (examples.classes.value, examples.new_class.value) == ("square", "")
    pick(examples.classes, "disc")
    press(examples.sign)
    assert (examples.sign.description, examples.sign.button_style) == ("\N{MINUS SIGN} this is not one", "danger")
    page.click(80, 80)
    assert panel.session.prompts == (PointPrompt((0.0, 80.0, 80.0), "disc", positive=False),)
    press(examples.sign)
    assert (examples.sign.description, examples.sign.button_style) == ("+ this is one", "")


def test_keys_in_the_viewer_are_shown_in_the_panel(panel: Panel, page: Page) -> None:
    edit(panel.example_panel.new_class, "disc")
    edit(panel.example_panel.new_class, "square")
    page.send("action", action="class", number=1)
    page.send("action", action="toggle")
    assert panel.example_panel.classes.value == "disc"
    assert panel.example_panel.sign.button_style == "danger"


def test_a_class_without_a_name_is_none(panel: Panel) -> None:
    edit(panel.example_panel.new_class, "  ")
    assert panel.session.brush.classes == ("object",)
    assert panel.example_panel.new_class.value == ""


def test_examples_are_counted_undone_and_cleared(panel: Panel, page: Page) -> None:
    examples = panel.example_panel
    assert text(examples.summary) == "Click on one object to find all that are alike."
    page.click(48, 48)
    page.click(80, 80, counter=True)
    given = panel.session.prompts
    assert text(examples.summary) == "object: 1 example, 1 counter-example"
    press(examples.undo)
    assert text(examples.summary) == "object: 1 example"
    page.click(80, 80, counter=True)
    press(examples.clear)
    assert panel.session.prompts == ()
    press(examples.undo)
    assert panel.session.prompts == given


def test_what_a_class_is_called_is_text_and_no_markup(panel: Panel, page: Page) -> None:
    edit(panel.example_panel.new_class, "<script>")
    page.click(48, 48)
    assert panel.example_panel.summary.value == "&lt;script&gt;: 1 example"


# Footer


def test_the_footer_tells_how_far_the_work_has_come(panel: Panel) -> None:
    footer, events = panel.footer, panel.session.events
    assert footer.text.value == "ready"
    assert footer.pause.disabled
    assert footer.cancel.disabled
    events.running.emit(True)
    assert (footer.text.value, footer.pause.disabled, footer.cancel.disabled) == ("working", False, False)
    events.progress.emit(Progress("features", 3, 400, 180.0))
    assert footer.text.value == "features 3 of 400, 3 min left"
    events.progress.emit(Progress("features", 400, 400))  # at once, and yet the last one is never left out
    assert (footer.text.value, footer.bar.value, footer.bar.max) == ("features 400 of 400", 400, 400)
    events.running.emit(False)
    assert (footer.text.value, footer.bar.value, footer.pause.disabled) == ("ready", 0, True)


def test_a_notice_is_said_as_such_and_new_work_takes_it_away(panel: Panel) -> None:
    panel.session.events.notice.emit("the scales differ")
    assert is_told(panel, "the scales differ")
    ((said, _),) = panel.viewer.comm.custom("say")
    assert said["kind"] == "info"
    panel.session.events.running.emit(True)
    assert panel.footer.message.value == ""
