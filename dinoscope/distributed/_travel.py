"""How a step gets to another process: what lies on disk travels as its path, and is looked for there.

Arrays in memory are copied to every worker, so an image in memory must be small.
"""

from __future__ import annotations

import io
import pickle
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle
import zarr
from zarr.storage import LocalStore

from dinoscope.errors import ClusterError, StoreError
from dinoscope.features import FeatureStore

if TYPE_CHECKING:
    from dinoscope.image import Image

_LARGEST_BYTES = 2**26
"""Of an image that travels to every worker."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A pickled object: the stream, and the arrays in it."""

    stream: bytes
    arrays: tuple[bytearray, ...]

    @classmethod
    def of(cls, content: object) -> Packed:
        """Pack an object.

        Raises
        ------
        ClusterError
            If something in it belongs to this process alone.
        """
        stream, arrays = _pickled(content)
        return cls(stream, tuple(bytearray(array.raw()) for array in arrays))

    def unpack(self) -> Any:
        """The object.

        Raises
        ------
        StoreError
            If something that it needs is not on a disk of this machine.
        """
        return pickle.loads(self.stream, buffers=self.arrays)


def check_travels(image: Image) -> None:
    """Make sure that workers can read an image.

    Raises
    ------
    ClusterError
        If it is a large one in memory, or belongs to this process alone.
    """
    stream, arrays = _pickled(image)
    size = len(stream) + sum(array.raw().nbytes for array in arrays)
    if size > _LARGEST_BYTES:
        raise ClusterError(
            f"image {image.name!r} is in memory, and {size / 2**20:,.0f} MiB are too many to be sent to every worker "
            f"(expected up to {_LARGEST_BYTES // 2**20}): save it where all workers can read it, as OME-Zarr or TIFF, "
            "and open that file"
        )


def _pickled(content: object) -> tuple[bytes, list[pickle.PickleBuffer]]:
    stream = io.BytesIO()
    arrays: list[pickle.PickleBuffer] = []
    try:
        _Packer(stream, protocol=5, buffer_callback=arrays.append).dump(content)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise ClusterError(
            f"{content!r:.80} cannot be sent to workers ({error}): open images from files that all workers can read"
        ) from error
    return stream.getvalue(), arrays


class _Packer(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles stores and arrays on disk as the places where they lie."""

    def reducer_override(self, content: Any) -> Any:
        if isinstance(content, FeatureStore):
            return _open_features, (_absolute(content.location),)
        if isinstance(content, zarr.Array) and isinstance(content.store, LocalStore):
            return _open_array, (Path(content.store.root).resolve() / content.path,)
        return super().reducer_override(content)


def _absolute(location: str) -> Path | str:
    """A folder by its whole path, an address as it is."""
    return location if "://" in location else Path(location).resolve()


def _open_features(location: Path | str) -> FeatureStore:
    if isinstance(location, Path):
        _require(location, "features")
    return FeatureStore.open(location)


def _open_array(path: Path) -> zarr.Array[Any]:
    _require(path, "results")
    return zarr.open_array(path, mode="r+")


def _require(path: Path, what: str) -> None:
    if not path.exists():
        raise StoreError(
            f"the worker on {socket.gethostname()} does not see {path}: keep {what} on a disk that all workers share"
        )
