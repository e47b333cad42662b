"""Progress as bars, in terminals and notebooks."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tqdm import tqdm

    from dinoscope.jobs import Progress, ProgressCallback


@contextmanager
def progress_bars(keep: bool = True) -> Iterator[ProgressCallback]:
    """Show one bar per stage of the work, as long as the context lasts.

    Parameters
    ----------
    keep
        Whether bars stay until the end and after it. Otherwise there is only that of the current stage.

    Yields
    ------
    What every step takes as `progress`.

    Notes
    -----
    Bars are those of a notebook in one, and lines on stderr in a terminal. Where stderr is neither, there are none.

    Examples
    --------
    ::

        with progress_bars() as progress:
            extract_features(image, encoder, store, progress=progress)
    """
    bars = _Bars(keep)
    try:
        yield bars.show
    finally:
        bars.close()


class _Bars:
    """The bars of the stages so far."""

    def __init__(self, keep: bool) -> None:
        self._keep = keep
        self._bars: dict[str, tqdm[Any]] = {}

    def show(self, progress: Progress) -> None:
        """Move the bar of a stage; one that begins anew starts over."""
        bar = self._bars.get(progress.stage)
        if bar is None:
            if not self._keep:
                self.close()
            bar = self._bars[progress.stage] = _new_bar(progress, self._keep)
        elif progress.done < bar.n or progress.total != bar.total:
            bar.reset(progress.total)
        bar.update(progress.done - bar.n)

    def close(self) -> None:
        """Draw all bars for the last time, or take them away."""
        for bar in self._bars.values():
            bar.close()
        self._bars.clear()


def _new_bar(progress: Progress, keep: bool) -> tqdm[Any]:
    from tqdm.auto import tqdm

    # None stands for: not where there is no terminal. A notebook's bars take it for: show them.
    return tqdm(total=progress.total, desc=progress.stage, file=sys.stderr, disable=None, leave=keep)
