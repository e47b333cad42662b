"""Results that may be larger than memory, written region by region."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, cast

import zarr

from dinoscope.errors import RegionError, StoreError
from dinoscope.geometry import Region
from dinoscope.outputs._atomic import disk_errors, ensure_writable, publish, remove, remove_for_good
from dinoscope.tiling import blocks
from dinoscope.unfinished import unfinished_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

CHUNK = 512
"""Side in y and x of the blocks of a result on disk. Regions aligned to it are written fastest."""

_CHUNKS_AT_ONCE = 4  # along each axis


class LabelSink(Protocol):
    """Where a result goes, block by block.

    As a context manager it finishes when the block ends well, and aborts on any exception, Ctrl-C included.
    """

    def write(self, region: Region, values: NDArray[Any]) -> None:
        """Write the values of one region; what is never written stays background."""
        ...

    def finish(self) -> Path:
        """Complete the result and give it its name. Calling it again only says where it is."""
        ...

    def abort(self) -> None:
        """Throw away what was written. After `finish` this does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class SpoolLayout:
    """The array on disk that takes the blocks.

    Attributes
    ----------
    shape, dtype
        Of the whole result.
    dimension_names
        Names of its axes.
    fill_value
        Value of what is never written.
    """

    shape: tuple[int, ...]
    dtype: Any
    dimension_names: tuple[str, ...]
    fill_value: float = 0

    @property
    def chunks(self) -> tuple[int, ...]:
        """Blocks of one section and one channel each, so that sections can be written and shown on their own."""
        leading = len(self.shape) - 2
        return (1,) * leading + tuple(min(CHUNK, size) for size in self.shape[leading:])


class SpooledSink:
    """A sink over a Zarr group in a hidden folder next to the result.

    Parameters
    ----------
    target
        Name of the result.
    layout
        Shape and type of the array that takes the blocks.
    complete
        Called once by `finish` with the hidden group. Makes what is missing and returns the file or folder that
        becomes `target`.
    force
        Whether something called `target` may be replaced.

    Raises
    ------
    OutputExistsError
        If `target` exists and `force` is off.
    StoreError
        If the folder cannot be written to.
    """

    def __init__(
        self, target: Path, layout: SpoolLayout, complete: Callable[[zarr.Group, Path], Path], *, force: bool
    ) -> None:
        ensure_writable(target, force=force)
        self._target = target
        self._partial = unfinished_name(target, "partial")
        self._complete = complete
        self._state: Literal["open", "finished", "aborted"] = "open"
        with disk_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._partial.mkdir()
        with self._abort_on_error():
            self._group = zarr.create_group(self._partial, overwrite=True)
            self._array = create_level(self._group, "0", layout)

    def write(self, region: Region, values: NDArray[Any]) -> None:
        """Write the values of one region.

        Raises
        ------
        RegionError
            If the region leaves the result, or `values` has another shape.
        StoreError
            If the disk is full or fails; the result is aborted.
        """
        self._check_open()
        if values.shape != region.shape:
            raise RegionError(f"values of shape {values.shape} do not fill a region of shape {region.shape}")
        if not Region.of_shape(self._array.shape).contains(region):
            raise RegionError(f"region {region.start} to {region.stop} leaves the result of shape {self._array.shape}")
        with self._abort_on_error():
            for piece in self._pieces(region):
                part = values[piece.relative_to(region).slices]
                self._array[piece.slices] = part.astype(self._array.dtype, copy=False)

    def _pieces(self, region: Region) -> Iterator[Region]:
        """The region in parts of a few whole chunks, so that little is on its way when the disk fails."""
        shape = tuple(size * _CHUNKS_AT_ONCE for size in self._array.chunks)
        start = tuple(first // size * size for first, size in zip(region.start, shape, strict=True))
        return (piece.intersect(region) for piece in blocks(Region(start, region.stop), shape))

    def finish(self) -> Path:
        """Complete the result and give it its name.

        Raises
        ------
        StoreError
            If the disk is full or fails, or if the result was aborted before.
        """
        if self._state == "finished":
            return self._target
        self._check_open()
        with self._abort_on_error():
            publish(self._complete(self._group, self._partial), self._target)
        self._state = "finished"
        remove(self._partial)
        return self._target

    def abort(self) -> None:
        """Throw away what was written. After `finish` this does nothing."""
        if self._state == "open":
            self._state = "aborted"
            remove_for_good(self._partial)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._state == "open":
            self.finish()
        else:
            self.abort()

    def _check_open(self) -> None:
        if self._state != "open":
            raise StoreError(f"the result {self._target} is {self._state}: create it anew to write to it")

    @contextmanager
    def _abort_on_error(self) -> Iterator[None]:
        try:
            with disk_errors(self._target):
                yield
        except BaseException:  # an interrupt too must leave nothing half-written
            self.abort()
            raise


def create_level(group: zarr.Group, name: str, layout: SpoolLayout) -> zarr.Array[Any]:
    """A new array of this layout in the group."""
    return group.create_array(
        name,
        shape=layout.shape,
        dtype=layout.dtype,
        chunks=layout.chunks,
        fill_value=layout.fill_value,
        dimension_names=layout.dimension_names,
    )


def read_level(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """The array of this name in the group."""
    return cast("zarr.Array[Any]", group[name])
