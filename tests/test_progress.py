from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest
import tqdm.auto

from dinoscope.jobs import Progress
from dinoscope.progress import progress_bars


class Recorded(tqdm.auto.tqdm):  # type: ignore[type-arg]
    """A bar that remembers being made and closed, drawn into nothing."""

    made: list[Recorded]

    def __init__(self, *args: Any, **options: Any) -> None:
        self.options, self.closed = dict(options), False
        super().__init__(*args, **{**options, "file": io.StringIO(), "disable": False})
        self.made.append(self)

    def close(self) -> None:
        self.closed = True
        super().close()


@pytest.fixture(autouse=True)
def _record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorded, "made", [], raising=False)
    monkeypatch.setattr(tqdm.auto, "tqdm", Recorded)


def state() -> list[tuple[str, float, float | None, bool]]:
    return [(bar.desc.removesuffix(": "), bar.n, bar.total, bar.closed) for bar in Recorded.made]


def test_there_is_one_bar_per_stage_and_all_are_closed_at_the_end() -> None:
    with progress_bars() as progress:
        for done in (0, 3, 8):
            progress(Progress("features", done, 8))
        progress(Progress("similarity", 1, 5))
        assert state() == [("features", 8, 8, False), ("similarity", 1, 5, False)]
    assert state() == [("features", 8, 8, True), ("similarity", 1, 5, True)]
    assert all(bar.options["leave"] for bar in Recorded.made)


def test_a_stage_that_begins_anew_starts_its_bar_over() -> None:
    with progress_bars() as progress:
        for image in (1, 2):
            for done in (1, 2, 3):
                progress(Progress("features", done, 3 * image))
            progress(Progress("images", image, 2))
        assert state() == [("features", 3, 6, False), ("images", 2, 2, False)]


def test_bars_that_are_not_kept_follow_one_another() -> None:
    with progress_bars(keep=False) as progress:
        progress(Progress("features", 2, 2))
        progress(Progress("similarity", 1, 5))
        assert state() == [("features", 2, 2, True), ("similarity", 1, 5, False)]
    assert not any(bar.options["leave"] for bar in Recorded.made)


def test_bars_are_closed_when_the_work_fails() -> None:
    with pytest.raises(ValueError, match="broken"), progress_bars() as progress:  # noqa: PT012 - that is the case
        progress(Progress("features", 1, 2))
        raise ValueError("broken")
    assert [bar.closed for bar in Recorded.made] == [True]


def test_where_there_is_no_terminal_nothing_is_written() -> None:
    script = (
        "from dinoscope.jobs import Progress; from dinoscope.progress import progress_bars\n"
        "with progress_bars() as progress:\n    progress(Progress('features', 1, 2))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
