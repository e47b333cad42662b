"""Every message between the viewer and the kernel, without a browser."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image as Picture

from dinoscope.image import LazyArray, open_image
from dinoscope.prompts import BoxPrompt, PointPrompt, PolygonPrompt, StrokePrompt
from dinoscope.settings import ImageSettings
from tests.notebook import Page, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Panel = Any


class Gate(LazyArray):
    """Zeros that are read when the test says so."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape, np.uint8)
        self.reads: list[tuple[slice, ...]] = []
        self.open = threading.Event()
        self.open.set()

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        self.reads.append(bounds)
        assert self.open.wait(60)
        return np.zeros([part.stop - part.start for part in bounds], np.uint8)


def test_the_scene_tells_what_there_is_to_show(panel: Panel, page: Page) -> None:
    assert page.scene == {
        "name": "squares",
        "width": 200,
        "height": 160,
        "sections": 1,
        "section": 0,
        "tile": 256,
        "pixel_nm": None,
        "brush": {"class_name": "object", "colour": "#e69f00", "positive": True},
        "start": None,
        "layers": [
            {"name": "image", "title": "squares", "version": 1, "opacity": 1.0, "magnified": 0, "levels": 1},
        ],
    }
    panel.session.tell_pixel_size(4.0)
    assert page.scene["pixel_nm"] == 4.0


def test_without_an_image_the_scene_is_complete(make_panel: Callable[..., Panel]) -> None:
    scene = make_panel(None).viewer.scene
    assert (scene["width"], scene["height"], scene["layers"]) == (0, 0, [])
    assert set(scene) == set(make_panel().viewer.scene)


def test_no_pixels_are_in_what_the_widget_opens_with(panel: Panel) -> None:
    state = panel.viewer.comm.opened["data"]["state"]
    bulk = {name: len(str(value)) for name, value in state.items() if name not in ("_esm", "_css")}
    assert sum(bulk.values()) < 4000
    assert panel.viewer.comm.opened["buffers"] == []


def test_a_tile_comes_as_a_picture_of_the_image(page: Page) -> None:
    shown = page.pixels("image").astype(float)
    assert shown.shape == (160, 200)
    assert shown[36:60, 36:60].mean() > 200
    assert shown[70:90, 70:90].mean() < 60


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"layer": "mask"}, "not shown"),
        ({"version": 99}, "has changed"),
        ({"level": 7}, "level 7"),
        ({"row": 5}, "tile 5, 0"),
        ({"column": 5}, "tile 0, 5"),
        ({"section": 3}, "section 3"),
    ],
)
def test_a_tile_that_is_not_there_is_refused_with_a_reason(page: Page, changes: dict[str, Any], reason: str) -> None:
    layer = page.layer("image")
    assert layer is not None
    page.send("tile", **{**page.address(layer, 0), **changes})
    answer, buffers = page.answer(0)
    assert answer["type"] == "refused"
    assert reason in answer["reason"]
    assert buffers == []


def test_a_damaged_image_is_refused_in_words(make_panel: Callable[..., Panel]) -> None:
    class Damaged(Gate):
        def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
            raise OSError("the disk has a hole")

    page = Page(make_panel(open_image(Damaged((300, 300)))).viewer)
    layer = page.layer("image")
    assert layer is not None
    answer, _ = page.answer(page.ask(layer, 1))
    assert answer["type"] == "refused"
    assert "the disk has a hole" in answer["reason"]


@pytest.mark.parametrize("withdrawal", ["abort", "closed"])
def test_tiles_nobody_wants_any_more_are_not_read(make_panel: Callable[..., Panel], withdrawal: str) -> None:
    gate = Gate((256, 256 * 8))
    panel = make_panel(open_image(gate, ImageSettings(axes="yx")))
    page, other = Page(panel.viewer), Page(panel.viewer, "another view")
    page.open()
    layer = page.layer("image")
    assert layer is not None
    finest = layer["levels"] - 1
    page.answer(page.ask(layer, finest, column=7))  # for which the contrast is measured
    gate.open.clear()
    gate.reads.clear()
    for column in (0, 1):
        page.ask(layer, finest, column=column)
    wait_until(lambda: len(gate.reads) == 2)  # both threads are at it
    rest = [page.ask(layer, finest, column=column) for column in (2, 3)]
    kept = other.ask(layer, finest, column=4)
    if withdrawal == "abort":
        page.send("abort", view=page.name, ids=rest)
    else:
        page.close()
    gate.open.set()
    other.answer(kept)
    read = {bounds[1].start // 256 for bounds in gate.reads}
    assert read == {0, 1, 4}
    answered = {message["id"] for message, _ in page.comm.custom("tile") if message["view"] == page.name}
    assert answered.isdisjoint(rest)


def test_what_is_in_sight_is_the_view_of_the_session(panel: Panel, page: Page) -> None:
    page.send("view", y0=9.5, x0=-40.0, y1=100.25, x1=180.0)
    assert panel.session.view.start == (0, 9, 0)
    assert panel.session.view.stop == (1, 101, 180)


def test_a_click_is_an_example_and_shows_what_is_alike(panel: Panel, page: Page) -> None:
    page.click(48.25, 47.5)
    assert panel.session.prompts == (PointPrompt((0.0, 48.25, 47.5)),)
    assert [layer["name"] for layer in page.scene["layers"]] == ["image", "similarity object", "mask", "examples"]
    assert page.pixels("mask")[48, 48, 3] > 0
    assert page.pixels("mask")[80, 80, 3] == 0


def test_a_counter_click_is_a_counter_example(panel: Panel, page: Page) -> None:
    page.click(48, 48)
    page.click(80, 80, counter=True)
    assert [prompt.positive for prompt in panel.session.prompts] == [True, False]


def test_a_box_is_an_example_of_the_voxels_in_it(panel: Panel, page: Page) -> None:
    page.send("box", y0=32.1, x0=31.6, y1=63.8, x1=64.4, counter=False)
    (prompt,) = panel.session.prompts
    assert isinstance(prompt, BoxPrompt)
    assert np.round(np.asarray(prompt.corners)).astype(int).tolist() == [[32, 32], [32, 63], [63, 63], [63, 32]]


def test_lines_are_examples(panel: Panel, page: Page) -> None:
    page.send("stroke", places=[40, 36, 50, 58.5], width=4.5, counter=False)
    page.send("outline", places=[36, 36, 36, 60, 60, 60], counter=True)
    assert panel.session.prompts == (
        StrokePrompt(0, ((40, 36), (50, 58.5)), 4.5),
        PolygonPrompt(0, ((36, 36), (36, 60), (60, 60)), positive=False),
    )


@pytest.mark.parametrize(
    "message",
    [
        {"type": "stroke", "places": [1.0, 2.0], "width": 0, "counter": False},
        {"type": "stroke", "places": [1.0], "width": 3, "counter": False},
        {"type": "stroke", "places": [1.0, float("nan")], "width": 3, "counter": False},
        {"type": "outline", "places": [], "counter": False},
        {"type": "outline", "places": [1.0, 2.0, 3.0], "counter": False},
    ],
)
def test_lines_that_are_none_are_refused_in_words(panel: Panel, page: Page, message: dict[str, Any]) -> None:
    page.comm.receive(message)
    assert panel.session.prompts == ()
    assert len(page.comm.said()) == 1


def test_an_empty_box_is_refused_in_words(panel: Panel, page: Page) -> None:
    page.send("box", y0=10.1, x0=10.1, y1=10.2, x1=10.2, counter=False)
    assert panel.session.prompts == ()
    assert ["smaller than a voxel" in text for text in page.comm.said()] == [True]
    assert "smaller than a voxel" in panel.footer.message.value


def test_a_click_on_an_object_says_whether_it_is_right(panel: Panel, page: Page) -> None:
    page.click(48, 48)
    page.send("action", action="objects")
    assert page.layer("objects") is not None
    page.click(112, 144, counter=True)
    assert isinstance(panel.session.prompts[-1], PolygonPrompt)
    assert not panel.session.prompts[-1].positive


def test_actions_are_those_of_the_keys(panel: Panel, page: Page) -> None:
    page.send("action", action="toggle")
    assert page.scene["brush"]["positive"] is False
    page.send("action", action="toggle")
    panel.session.brush.choose("vesicle")
    panel.session.brush.choose("mitochondrion")
    page.send("action", action="class", number=1)
    assert page.scene["brush"]["class_name"] == "vesicle"
    page.click(48, 48)
    page.send("action", action="undo")
    assert panel.session.prompts == ()
    page.click(48, 48)
    page.send("action", action="objects")
    assert panel.session.is_ready("measurements")
    page.send("action", action="search")
    assert panel.session.is_ready("similarity")


def test_a_section_is_shown_and_clicked_in(make_panel: Callable[..., Panel]) -> None:
    pixels = np.arange(5, dtype=np.uint8)[:, None, None] * np.full((5, 40, 50), 50, np.uint8)
    panel = make_panel(open_image(pixels, ImageSettings(axes="zyx")))
    page = Page(panel.viewer)
    assert page.scene["sections"] == 5
    page.send("section", section=3)
    assert page.scene["section"] == panel.canvas.section == 3
    page.click(10, 12)
    assert panel.session.prompts[-1].position == (3.0, 10.0, 12.0)
    page.send("section", section=99)
    assert page.scene["section"] == 4


def test_views_are_counted_once(panel: Panel, page: Page) -> None:
    watched: list[str] = []
    panel.session.join = lambda: watched.append("join")
    panel.session.leave = lambda: watched.append("leave")
    page.open()  # for the second time
    other = Page(panel.viewer, "another view")
    other.close()  # never opened
    other.open()
    page.close()
    page.close()
    other.close()
    assert watched == ["join", "leave", "leave"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "tile",
        17,
        [],
        {},
        {"type": "explode"},
        {"type": "opened"},
        {"type": "closed", "view": 3},
        {"type": "tile", "view": "v", "id": 0},
        {"type": "abort", "view": "v", "ids": ["x"]},
        {"type": "view", "y0": 0, "x0": 0, "y1": "10", "x1": 10},
        {"type": "point", "y": float("nan"), "x": 1, "counter": False},
        {"type": "point", "y": float("inf"), "x": 1, "counter": False},
        {"type": "point", "y": 1, "x": 1, "counter": "no"},
        {"type": "point", "y": 1, "x": 1, "counter": False, "more": 1},
        {"type": "box", "y0": 1, "x0": 1, "y1": 9, "counter": False},
        {"type": "section", "section": -1},
        {"type": "section", "section": 1.5},
        {"type": "action"},
        {"type": "action", "action": "format"},
        {"type": "action", "action": "class"},
        {"type": "action", "action": "class", "number": "1"},
    ],
)
def test_what_is_no_message_is_told_and_changes_nothing(panel: Panel, page: Page, content: Any) -> None:
    before = page.scene, panel.session.prompts, panel.session.view
    page.comm.receive(content)
    assert (page.scene, panel.session.prompts, panel.session.view) == before
    assert len(page.comm.said()) == 1
    assert page.comm.said()[0].startswith("The kernel does not understand the viewer: ")
    assert page.pixels("image").shape == (160, 200)  # and it still works


def test_a_closed_viewer_draws_and_follows_nothing_more(panel: Panel, page: Page) -> None:
    comm = page.comm
    panel.close()
    sent = len(comm.sent)
    panel.session.brush.toggle()
    panel.session.settings.segmentation.threshold = 0.2
    assert comm.is_closed
    assert len(comm.sent) == sent


def test_the_look_of_a_layer_follows_the_settings(panel: Panel, page: Page) -> None:
    page.click(48, 48)
    panel.canvas.settings.opacity = 0.25
    layer = page.layer("similarity")
    assert layer is not None
    assert layer["opacity"] == 0.25
    panel.canvas.settings.similarity = False
    assert page.layer("similarity") is None


def test_a_threshold_is_a_new_version_of_the_mask_only(panel: Panel, page: Page) -> None:
    page.click(48, 48)
    before = {layer["name"]: layer["version"] for layer in page.scene["layers"]}
    panel.session.settings.segmentation.threshold = 0.9
    after = {layer["name"]: layer["version"] for layer in page.scene["layers"]}
    assert after["mask"] != before["mask"]
    assert after["image"] == before["image"]
    assert after["examples"] == before["examples"]


def test_looking_somewhere_is_told_to_the_views(panel: Panel, page: Page) -> None:
    panel.fly_to((0.0, 112.0, 144.0))
    ((look, _),) = page.comm.custom("look")
    assert (look["y0"] + look["y1"]) / 2 == 112.5
    assert (look["x0"] + look["x1"]) / 2 == 144.5


def test_tiles_of_markers_are_transparent_where_there_is_none(page: Page) -> None:
    page.click(48, 48)
    tile = page.pixels("examples")
    assert tile[48, 48, 3] == 255
    assert tile[80, 80, 3] == 0


def test_opaque_tiles_are_jpeg_and_others_png(page: Page) -> None:
    page.click(48, 48)
    kinds = {}
    for name in ("image", "mask"):
        layer = page.layer(name)
        assert layer is not None
        message, buffers = page.answer(page.ask(layer, 0))
        kinds[name] = (message["mime"], Picture.open(io.BytesIO(buffers[0])).format)
    assert kinds == {"image": ("image/jpeg", "JPEG"), "mask": ("image/png", "PNG")}
