"""The snippets of the documentation, and what may be done with each: see docs/contributing/documentation.md."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LANGUAGES = ("sh", "python", "text", "json")
"""Of all fences. What is neither `sh` nor `python` is never run."""

_FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+?) -->\n+)?"
    r"^(?P<indent>[ \t]*)```(?P<language>[^\n]*)\n(?P<text>.*?)^[ \t]*```$",
    re.MULTILINE | re.DOTALL,
)
_ASSIGNMENT = re.compile(r"[A-Z_]+=.*")


@dataclass(frozen=True, slots=True)
class Snippet:
    """One fenced block of a page.

    Attributes
    ----------
    page
        The page, as a path in the repository.
    line
        Where it begins.
    language
        What stands behind the fence.
    text
        What is in it.
    reason
        Why it cannot run here, as the page's source says; empty where it can.
    is_indented
        Whether it belongs to a list or a tab.
    """

    page: str
    line: int
    language: str
    text: str
    reason: str
    is_indented: bool

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[Command]:
        """The commands of a shell snippet: comments are gone, lines that end in a backslash are one."""
        whole = self.text.replace("\\\n", " ")
        words = [shlex.split(line, comments=True) for line in whole.splitlines()]
        return [Command.of(line) for line in words if line]


@dataclass(frozen=True, slots=True)
class Command:
    """A line for a shell: what it sets in the environment, the program, and its arguments."""

    environment: dict[str, str]
    program: str
    arguments: list[str]

    @classmethod
    def of(cls, words: list[str]) -> Command:
        """The command that some words make."""
        environment = {}
        while words and _ASSIGNMENT.fullmatch(words[0]):
            name, _, value = words[0].partition("=")
            environment[name] = value
            words = words[1:]
        return cls(environment, words[0] if words else "", words[1:])


def pages() -> list[Path]:
    """All pages of the documentation."""
    return sorted((ROOT / "docs").rglob("*.md"))


def snippets_of(path: Path) -> list[Snippet]:
    """The snippets of a page, from top to bottom."""
    content, page = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
    return [
        Snippet(
            page,
            content.count("\n", 0, found.start("indent")) + 1,
            found["language"].strip(),
            found["text"],
            found["reason"] or "",
            bool(found["indent"]),
        )
        for found in _FENCE.finditer(content)
    ]
