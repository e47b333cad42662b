"""Pages that are made from the code hold what the code says."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

import dinoscope
from dinoscope.cli import build_parser
from dinoscope.encoders import CATALOGUE
from dinoscope.forms import fields_of
from docs.generated import SLOTS, api_modules, api_page, commands_of, fill, flags_of
from docs.notebook_pages import notebooks, read_notebook
from tests.docs.snippets import pages
from tests.layers import LAYERS, diagram
from tests.settings_models import MODELS

if TYPE_CHECKING:
    from argparse import Action
    from pathlib import Path

    from dinoscope.settings import Settings

PICTURE = b64encode(b"picture").decode()
COMMANDS = commands_of(build_parser())


def sections(markdown: str) -> dict[str, str]:
    """The text below every heading of the second level."""
    parts = re.split(r"^## (.+)$", markdown, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def words(markdown: str) -> str:
    return markdown.replace("\\|", "|")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_of_a_command_is_told_with_its_help(name: str) -> None:
    told = sections(SLOTS["commands"]())[f"dinoscope {name} {{ #{name} }}"]
    actions: list[Action] = [action for _, group in flags_of(COMMANDS[name]) for action in group]
    assert "--json" in [flag for action in actions for flag in action.option_strings]
    for action in actions:
        for flag in action.option_strings:
            assert f"`{flag}`" in told
        assert (action.help or "").replace("%%", "%") in words(told)


def test_every_action_of_a_parser_is_in_a_group() -> None:
    for parser in COMMANDS.values():
        shown = [action for _, group in flags_of(parser) for action in group]
        assert {id(action) for action in shown} == {id(a) for a in parser._actions if a.dest != "help"}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_setting_is_told_with_its_bounds(model: type[Settings]) -> None:
    told = sections(SLOTS["settings"]())[model.__name__]
    for field in fields_of(model):
        (row,) = [line for line in told.splitlines() if line.startswith(f"| `{field.name}` |")]
        assert all(part in words(row) for part in (field.title, field.description, field.allowed, *field.words))


def test_settings_tell_which_commands_have_them() -> None:
    told = sections(SLOTS["settings"]())
    assert "[segment](command-line.md#segment)" in told["SegmentationSettings"]
    assert "[measure](command-line.md#measure)" not in told["SegmentationSettings"]
    assert "Not on the command line" in told["ViewSettings"]


def test_tables_have_a_row_each() -> None:
    assert all(f"| `{name}` |" in SLOTS["encoders"]() for name in CATALOGUE)
    assert all(f"[`{name}`]" in SLOTS["names"]() for name in dinoscope.__all__ if not name.startswith("__"))
    assert all(f"[dinoscope.{name}]({name}.md)" in SLOTS["modules"]() for name in api_modules())
    assert {"similarity", "testing", "jupyter"} <= set(api_modules()) < {name for layer in LAYERS for name in layer}
    assert "| `errors` | nothing |" in SLOTS["imports"]()


def test_slots_are_filled_and_others_refused() -> None:
    assert fill("Words\n\n<!-- generated: layers -->\n") == f"Words\n\n```text\n{diagram()}\n```\n"
    with pytest.raises(KeyError):
        fill("<!-- generated: nothing -->")


def test_every_slot_has_a_page() -> None:
    used = {name for page in pages() for name in re.findall(r"^<!-- generated: (\S+) -->$", page.read_text(), re.M)}
    assert used == set(SLOTS)


def test_a_notebook_becomes_a_page(tmp_path: Path) -> None:
    outputs = [
        {"output_type": "stream", "text": ["two\n", "lines\n"]},
        {
            "output_type": "display_data",
            "data": {"image/png": PICTURE, "text/plain": "<Figure>"},
        },
        {"output_type": "execute_result", "data": {"text/html": "<div>\n<style>p</style>\n\n<table></table></div>"}},
        {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {}}},
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "\n", "About."]},
        {"cell_type": "code", "source": ["x = 1\n", "x"], "outputs": outputs},
    ]
    path = tmp_path / "one.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    page = read_notebook(path)
    assert (page.title, page.about, page.pictures) == ("Title", "About.", {"one_1.png": b"picture"})
    assert page.text == (
        "# Title\n\n[Download this notebook](one.ipynb)\n\nAbout.\n\n```python\nx = 1\nx\n```\n\n"
        "```text\ntwo\nlines\n```\n\n![What the cell shows](one_1.png)\n\n<div>\n<table></table></div>\n"
    )


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_notebooks_have_a_title_and_say_what_they_are_about(path: Path) -> None:
    assert path.read_text(encoding="utf-8")
    page = read_notebook(path)
    assert page.text.startswith("# ")
    assert page.about


def test_the_page_of_a_module_asks_for_its_docstrings() -> None:
    assert api_page("image").startswith("# dinoscope.image\n\n::: dinoscope.image\n")
