"""Datasets in HDF5 files, through h5py."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import ImageReadError, MissingDependencyError
from dinoscope.image._lazy import Bounds, LazyArray, piece_of
from dinoscope.image._opened import Opened
from dinoscope.image._units import to_nm

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5")


def open_hdf5(path: Path, dataset: str | None) -> Opened:
    """A dataset of an HDF5 file; without a name, the only one that has two axes or more.

    The voxel size comes from the attribute ``element_size_um`` (Fiji, ilastik; z y x) or ``resolution`` (CREMI; nm).

    Raises
    ------
    MissingDependencyError
        If h5py is not installed.
    ImageReadError
        If there is no such dataset, or several to choose from.
    """
    h5py = _import_h5py()
    with h5py.File(path, "r") as file:
        found: list[str] = []
        file.visititems(lambda name, node: found.append(name) if _is_image(node) else None)
        chosen = dataset.strip("/") if dataset else found[0] if len(found) == 1 else ""
        if chosen not in found:
            wanted = f"no dataset {dataset!r} with two axes or more" if dataset else "not exactly one dataset"
            raise ImageReadError(
                f"{path.name} has {wanted}: it holds {', '.join(found) or 'none'}; choose one as "
                f"{path.name}::{found[0] if found else 'DATASET'}"
            )
        node = file[chosen]
        scale = _scale_nm(node.attrs, node.ndim)
        return Opened(Hdf5Dataset(path, chosen), None, scale)


class Hdf5Dataset(LazyArray):
    """One dataset, its file kept open for h5py's cache of chunks; h5py itself locks."""

    def __init__(self, path: Path, dataset: str) -> None:
        file = _import_h5py().File(path, "r")
        self._path, self._name, self._dataset = path, dataset, file[dataset]
        super().__init__(self._dataset.shape, self._dataset.dtype)
        weakref.finalize(self, file.close)

    def __reduce__(self) -> tuple[Any, ...]:
        return Hdf5Dataset, (self._path, self._name)

    @property
    def piece(self) -> tuple[int, ...]:
        """A chunk."""
        return piece_of(self._dataset)

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        return np.asarray(self._dataset[bounds])


def _import_h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError('HDF5 files need h5py: pip install "dinoscope[io]"') from error
    return h5py


def _is_image(node: Any) -> bool:
    return getattr(node, "ndim", 0) >= 2 and node.dtype.kind in "biuf"


def _scale_nm(attributes: Any, ndim: int) -> dict[str, float]:
    for key, unit in (("element_size_um", "um"), ("resolution", "nm")):
        sizes = np.ravel(attributes.get(key, ()))
        if len(sizes) in (2, 3) and len(sizes) <= ndim and sizes.dtype.kind in "iuf":
            lengths = dict(zip("xyz", (to_nm(float(size), unit) for size in sizes[::-1]), strict=False))
            return {name: length for name, length in lengths.items() if length is not None}
    return {}
