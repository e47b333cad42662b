"""Who does the heavy steps of the work: this process alone, or others for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dinoscope.jobs import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeVar

    from numpy.typing import DTypeLike

    from dinoscope.batch._work import Work
    from dinoscope.geometry import Region
    from dinoscope.jobs import ProgressCallback
    from dinoscope.similarity import WritableArray

    T = TypeVar("T")
    U = TypeVar("U")


class Crew(Protocol):
    """Who does the heavy steps. The results are the same whoever does them."""

    def extract(self, work: Work, progress: ProgressCallback, region: Region | None) -> None:
        """Compute the features that a store lacks, see `extract_features`."""
        ...

    def each(self, step: Callable[[U], T], units: Sequence[U], stage: str, progress: ProgressCallback) -> Iterator[T]:
        """Do a step on many units, see `Mapper`."""
        ...

    def scratch(self, folder: Path, shape: tuple[int, ...], dtype: DTypeLike, side: int) -> WritableArray:
        """Zeros that everybody who does a step can write to, see `scratch_array`."""
        ...


class Alone:
    """This process does everything."""

    each = staticmethod(in_turn)

    def extract(self, work: Work, progress: ProgressCallback, region: Region | None) -> None:
        """Compute the features that a store lacks."""
        from dinoscope.features import extract_features

        extract_features(work.image, work.encoder, work.store, region, work.stages.encoder.batch_size, progress)

    def scratch(self, folder: Path, shape: tuple[int, ...], dtype: DTypeLike, side: int) -> WritableArray:
        """Zeros, in memory where there is enough of it."""
        from dinoscope.outputs import scratch_array

        return scratch_array(folder, shape, dtype, side)


ALONE = Alone()
