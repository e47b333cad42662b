"""What the pages of the documentation take from the code, so that it cannot go stale.

A page has a slot, such as ``<!-- generated: commands -->`` on a line of its own, and the build puts there what the
parser, the settings models, the catalogues or the layers say at that moment.
"""

from __future__ import annotations

import argparse
import ast
import re
from typing import TYPE_CHECKING

import dinoscope
from dinoscope import settings
from dinoscope.cli import build_parser
from dinoscope.encoders import CATALOGUE
from dinoscope.forms import fields_of
from dinoscope.segmentation import SAM_CATALOGUE
from dinoscope.text import TEXT_CATALOGUE
from docs.notebook_pages import notebooks, read_notebook
from tests.layers import LAYERS, PACKAGE, diagram, imported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dinoscope.forms import Field

_SLOT = re.compile(r"^<!-- generated: ([a-z0-9-]+) -->$", re.MULTILINE)
_UNTITLED = ("positional arguments", "options")
"""What argparse calls groups that nobody gave a name."""

_NO_API = ("napari", "cli", "__main__")
"""Modules that nobody imports: they are used from a window and from a shell."""


def fill(markdown: str) -> str:
    """A page with every slot filled.

    Raises
    ------
    KeyError
        If a slot has a name that nothing is generated for.
    """
    return _SLOT.sub(lambda slot: SLOTS[slot[1]](), markdown)


def api_modules() -> tuple[str, ...]:
    """The modules whose API is told, lowest layer first."""
    return tuple(name for layer in LAYERS for name in layer if name not in _NO_API)


def api_page(module: str) -> str:
    """The page of a module: all that is public in it, from its docstrings."""
    return f"# dinoscope.{module}\n\n::: dinoscope.{module}\n    options:\n      show_root_toc_entry: false\n"


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parser of every command."""
    (choices,) = (a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return dict(choices)


def flags_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, list[argparse.Action]]]:
    """The arguments of a command, by the titles of their groups; those that have no title of their own come first."""
    named: dict[str, list[argparse.Action]] = {"": []}
    for group in parser._action_groups:
        title = "" if group.title in _UNTITLED else group.title or ""
        shown = [action for action in group._group_actions if not isinstance(action, argparse._HelpAction)]
        named.setdefault(title, []).extend(shown)
    yield from ((title, actions) for title, actions in named.items() if actions)


def _commands() -> str:
    return "\n\n".join(part for name, parser in commands_of(build_parser()).items() for part in _command(name, parser))


def _command(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## dinoscope {name} {{ #{name} }}"
    yield parser.description or ""
    for title, actions in flags_of(parser):
        if title:
            yield f"**{title}**"
        yield _table(("argument", "meaning"), [(_names(a), _meaning(a, parser)) for a in actions])


def _names(action: argparse.Action) -> str:
    takes = "" if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction) else _takes(action)
    if not action.option_strings:
        return f"`{takes}`" + (" …" if action.nargs == "+" else "")
    names = ", ".join(f"`{name}`" for name in action.option_strings)
    return f"{names} `{takes}`" if takes else names


def _takes(action: argparse.Action) -> str:
    if action.choices is not None:
        return " ".join(map(str, action.choices))
    metavar = action.metavar or action.dest.upper()
    return str(metavar).replace("|", " or ")


def _meaning(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    text = (action.help or "") % {**vars(action), "prog": parser.prog}
    return f"{text} Required." if action.required and action.option_strings else text


def _settings() -> str:
    models = (getattr(settings, name) for name in settings.__all__)
    stages = [
        m for m in models if isinstance(m, type) and issubclass(m, settings.Settings) and m is not settings.Settings
    ]
    return "\n\n".join(part for model in stages for part in _model(model))


def _model(model: type[settings.Settings]) -> Iterator[str]:
    sentence = (model.__doc__ or "").splitlines()[0]
    yield f"## {model.__name__}"
    yield sentence
    users = [f"[{name}](command-line.md#{name})" for name in _commands_with(sentence.rstrip("."))]
    yield f"Flags of: {', '.join(users)}." if users else "Not on the command line."
    rows = [(f"`{f.name}`", f.title, _default(f), _values(f), f.description) for f in fields_of(model)]
    yield _table(("name", "title", "default", "values", "meaning"), rows)


def _commands_with(title: str) -> Iterator[str]:
    for name, parser in commands_of(build_parser()).items():
        if title in [group for group, _ in flags_of(parser)]:
            yield name


def _default(field: Field) -> str:
    return "none" if field.default is None else f"`{field.default}`" if field.default != "" else "empty"


def _values(field: Field) -> str:
    if field.kind == "flag":
        return "yes or no"
    if field.kind == "choice":
        return ", ".join(f"`{word}`" for word in field.words)
    kind = {"integer": "whole number", "number": "number", "text": "text"}[field.kind]
    return f"{kind}, {field.allowed}" if field.allowed else kind


def _encoders() -> str:
    head = ("name", "channels", "parameters", "weights", "memory for a tile", "licence", "when")
    rows = [
        (
            f"`{e.name}`",
            str(e.channels),
            f"{e.parameters / 1e6:,.1f} million",
            f"{e.weight_bytes / 2**20:,.0f} MiB",
            f"{e.memory_bytes / 2**20:,.0f} MiB",
            e.licence,
            e.note,
        )
        for e in CATALOGUE.values()
    ]
    return _table(head, rows)


def _text_encoders() -> str:
    head = ("text encoder", "system", "goes with", "weights", "licence", "note")
    rows = [
        (f"`{e.name}`", e.system, f"`{e.encoder}`", f"{e.weight_bytes / 2**20:,.0f} MiB", e.licence, e.note)
        for e in TEXT_CATALOGUE.values()
    ]
    return _table(head, rows)


def _sam() -> str:
    rows = [
        (f"`{e.name}`", f"{e.parameters:g} million", f"{e.megabytes} MB", e.licence) for e in SAM_CATALOGUE.values()
    ]
    return _table(("name", "parameters", "weights", "licence"), rows)


def _layers() -> str:
    return f"```text\n{diagram()}\n```"


def _imports() -> str:
    found = imported()
    rows = [(f"`{name}`", ", ".join(sorted(found[name])) or "nothing") for layer in LAYERS for name in layer]
    return _table(("module", "imports from dinoscope"), rows)


def _modules() -> str:
    rows = [(f"[dinoscope.{name}]({name}.md)", first_sentence(name)) for name in api_modules()]
    return _table(("module", "what it is"), rows)


def first_sentence(module: str) -> str:
    """The first line of a module's docstring."""
    path = PACKAGE / module / "__init__.py"
    source = path if path.exists() else PACKAGE / f"{module}.py"
    return (ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").splitlines()[0]


def _names_of_the_package() -> str:
    homes = [(name, dinoscope._HOME_OF[name]) for name in dinoscope.__all__ if name != "__version__"]
    rows = [(f"[`{name}`]({home.removeprefix('dinoscope.')}.md#{home}.{name})", f"`{home}`") for name, home in homes]
    return _table(("name", "home"), rows)


def _list_of_notebooks() -> str:
    pages = [(path.stem, read_notebook(path)) for path in notebooks()]
    return "\n".join(f"- [{page.title}](../notebooks/{name}.md). {page.about}" for name, page in pages)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_in_table(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _in_table(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


SLOTS: Mapping[str, Callable[[], str]] = {
    "commands": _commands,
    "encoders": _encoders,
    "imports": _imports,
    "layers": _layers,
    "modules": _modules,
    "names": _names_of_the_package,
    "notebooks": _list_of_notebooks,
    "sam2": _sam,
    "settings": _settings,
    "text-encoders": _text_encoders,
}
"""What makes the content of every slot, by its name."""
