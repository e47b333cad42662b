"""Check boxes of examples, with the messages that a browser sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.jupyter._example_list import LIMIT
from dinoscope.prompts import PointPrompt
from tests.jupyter.browsing import text

if TYPE_CHECKING:
    from dinoscope.jupyter import Panel


def test_only_so_many_examples_have_a_box(panel: Panel) -> None:
    rows = panel.example_panel.list
    panel.session.prompts = [PointPrompt((0, 48.0, 0.5 * number)) for number in range(LIMIT + 2)]
    assert len(rows.boxes) == LIMIT
    assert text(rows.more) == "and 2 more, see session.muted"
    kept, gone = rows.boxes[0], rows.boxes[-1]
    panel.session.prompts = panel.session.prompts[:3]
    assert len(rows.boxes) == 3
    assert rows.boxes[0] is kept
    assert gone.comm is None  # closed
    assert text(rows.more) == ""


def test_what_a_cell_switches_is_shown(panel: Panel) -> None:
    panel.session.prompts = [PointPrompt((0, 48.0, 48.0)), PointPrompt((0, 50.0, 50.0))]
    panel.session.muted = {1}
    assert [box.value for box in panel.example_panel.list.boxes] == [True, False]
    panel.example_panel.list.boxes[1].value = True
    assert panel.session.muted == frozenset()
