"""From napari's image layers to images of ours, and where their voxels lie in the viewer's world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from dinoscope.errors import AxesError
from dinoscope.geometry import AXIS_ORDER, Axis, Region
from dinoscope.image import Image, open_image, spatial
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari import Viewer
    from napari.layers import Layer
    from numpy.typing import NDArray

    from dinoscope.tiling import PatchGrid

_T = TypeVar("_T")

_AXES = {2: "yx", 3: "zyx", 4: "tzyx", 5: "tczyx"}
"""What the axes of a layer are taken for unless they are named by letters."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Where the voxels of an image lie in the world, as the keyword arguments that make a layer lie there too."""

    ndim: int
    scale: NDArray[np.float64]
    translate: NDArray[np.float64]
    affine: NDArray[np.float64]
    units: tuple[Any, ...]

    @property
    def stacked(self) -> bool:
        """Whether the image is a stack of sections."""
        return self.ndim == 3

    def own(self, position: tuple[_T, ...]) -> tuple[_T, ...]:
        """Of coordinates (z, y, x), those of the axes there are."""
        return position if self.stacked else position[1:]

    def of_voxels(self) -> dict[str, Any]:
        """For a layer in voxels of the image."""
        return self._placed(np.zeros(self.ndim), np.ones(self.ndim))

    def of_patches(self, grid: PatchGrid) -> dict[str, Any]:
        """For a layer with one pixel per patch."""
        inset, step = float(grid.to_voxel(0.0)), grid.patch_voxels
        return self._placed(np.array(self.own((0.0, inset, inset))), np.array(self.own((1.0, step, step))))

    def of_part(self, origin: tuple[float, ...]) -> dict[str, Any]:
        """For a layer in voxels that begins at the voxel `origin` (z, y, x)."""
        return self._placed(np.array(self.own(origin)), np.ones(self.ndim))

    def _placed(self, first: NDArray[np.float64], step: NDArray[np.float64]) -> dict[str, Any]:
        """For a layer whose pixel 0 lies at a voxel coordinate and whose pixels are `step` voxels apart."""
        return {
            "scale": self.scale * step,
            "translate": self.translate + self.scale * first,
            "affine": self.affine,
            "units": self.units,
        }


def image_of(layer: Layer, steps: Sequence[int]) -> Image:
    """The image in a layer, its finest level if it has several. Reads no pixels.

    Parameters
    ----------
    layer
        An image layer.
    steps
        Where the viewer's sliders are: they choose the channel and the time point.

    Raises
    ------
    AxesError
        If the layer is rotated or sheared, or has more axes than can be understood.
    """
    _refuse_rotation(layer)
    names = _axis_names(layer)
    data = layer.data[0] if layer.multiscale else layer.data
    at = dict(zip(names, steps[len(steps) - layer.ndim :], strict=True))
    settings = ImageSettings(
        axes=names + "s" * getattr(layer, "rgb", False),
        time=_clipped(at, "t", data.shape, names),
        channel=_clipped(at, "c", data.shape, names),
    )
    image = spatial(open_image(data, settings, name=layer.name))
    sizes = {name: length_nm(*size) for name, *size in zip(names, layer.scale, layer.units, strict=True)}
    axes = tuple(_sized(axis, sizes.get(axis.name)) for axis in image.axes)
    return replace(image, axes=axes, uri=_uri(layer, image))


def frame_of(layer: Layer, image: Image) -> Frame:
    """Where the voxels of the image of a layer lie."""
    ndim = 3 if "z" in image.axis_names else 2
    last = list(range(layer.ndim - ndim, layer.ndim))
    return Frame(
        ndim,
        np.asarray(layer.scale)[last],
        np.asarray(layer.translate)[last],
        np.asarray(layer.affine.set_slice(last).affine_matrix),
        tuple(layer.units[-ndim:]),
    )


def region_in_view(viewer: Viewer, layer: Layer) -> Region | None:
    """The voxels (z, y, x) of a layer that are on the screen; None where nothing is, or where it is no flat section."""
    displayed = tuple(viewer.dims.displayed)
    if viewer.dims.ndisplay != 2 or displayed != tuple(range(viewer.dims.ndim))[-2:]:
        return None
    factors = layer.downsample_factors[layer.data_level] if layer.multiscale else np.ones(layer.ndim)
    shape = layer.data[0].shape if layer.multiscale else layer.data.shape
    low, high = (np.asarray(layer.corner_pixels) * factors)[:, -2:].astype(int)
    low, high = (
        np.clip(low, 0, shape[layer.ndim - 2 : layer.ndim]),
        np.clip(high, 0, shape[layer.ndim - 2 : layer.ndim]),
    )
    section = 0
    if _axis_names(layer)[-3:] == "zyx":
        point = layer.world_to_data(viewer.dims.point)
        section = int(np.clip(round(float(point[-3])), 0, shape[layer.ndim - 3] - 1))
    if (high <= low).any():
        return None
    return Region((section, *low.tolist()), (section + 1, *high.tolist()))


def length_nm(length: float, unit: Any) -> float | None:
    """A length in a unit of napari's in nm, or None where the unit is no length, such as a pixel."""
    if not unit.is_compatible_with("nm"):
        return None
    return float(f"{(float(length) * unit).to('nm').magnitude:.9g}")  # 0.0046 µm is 4.6 nm, not 4.6000000000000005


def _axis_names(layer: Layer) -> str:
    """One letter per axis of a layer: its own labels if they are such letters, or the usual ones."""
    labels = "".join(layer.axis_labels)
    if len(labels) == layer.ndim == len(set(labels)) and {"y", "x"} <= set(labels) <= set(AXIS_ORDER):
        return labels
    if layer.ndim not in _AXES:
        raise AxesError(
            f"layer {layer.name!r} has {layer.ndim} axes: expected 2 to 5, or name them by setting its axis_labels to "
            f"letters of {AXIS_ORDER!r}"
        )
    return _AXES[layer.ndim]


def _refuse_rotation(layer: Layer) -> None:
    if not np.allclose(layer.rotate, np.eye(layer.ndim)[-len(layer.rotate) :]) or np.any(layer.shear):
        raise AxesError(f"layer {layer.name!r} is rotated or sheared: reset its rotate and shear, or save it resampled")


def _clipped(at: dict[str, int], name: str, shape: tuple[int, ...], names: str) -> int | None:
    return min(max(at[name], 0), shape[names.index(name)] - 1) if name in at else None


def _sized(axis: Axis, size_nm: float | None) -> Axis:
    return axis if size_nm is None else replace(axis, scale=size_nm, unit="nm")


def _uri(layer: Layer, image: Image) -> str:
    """Where the layer was read from, so that its features are those that the command line computes."""
    path = layer.source.path
    if path is None:
        return image.uri
    _, separator, choice = image.uri.partition("#")
    return str(Path(path).resolve()) + separator + choice
