"""The lazy image every step reads from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dinoscope.errors import AxesError, RegionError
from dinoscope.geometry import AXIS_ORDER, Axis, Region
from dinoscope.image._levels import check_levels

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ArrayLike(Protocol):
    """What a backing array must offer: NumPy, dask and zarr arrays do, and so do our own thin readers."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent along each axis."""
        ...

    @property
    def dtype(self) -> Any:
        """Type of one sample."""
        ...

    def __getitem__(self, index: Any) -> Any:
        """Part of the array, for a tuple of slices with step 1."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A lazy n-d array with named axes. Making one reads no pixels.

    Attributes
    ----------
    name
        Short name for outputs, such as the file's stem.
    uri
        Where it came from; part of the key under which its features are cached.
    axes
        In the order ``t c z y x s``; absent ones are left out, ``y`` and ``x`` are always there.
    data
        Backing array whose shape agrees with `axes`.
    coarser
        The same pixels at lower resolution, finest first, axes as in `data`; views read them, features never do. They
        may be shorter along z, y and x.

    Raises
    ------
    AxesError
        If the axes are out of order, doubled, lack ``y`` or ``x``, or disagree with the shape of `data`, or if a
        coarser level has other axes or is larger than the level before it.
    """

    name: str
    uri: str
    axes: tuple[Axis, ...]
    data: ArrayLike
    coarser: tuple[ArrayLike, ...] = ()

    def __post_init__(self) -> None:
        names = self.axis_names
        ordered = "".join(name for name in AXIS_ORDER if name in names)
        if names != ordered or "yx" not in names:
            raise AxesError(f"image {self.name!r} has axes {names!r}: expected some of {AXIS_ORDER!r}, in that order")
        shape = tuple(axis.size for axis in self.axes)
        if shape != tuple(self.data.shape):
            raise AxesError(f"image {self.name!r}: axes {names!r} of shape {shape} do not fit data {self.data.shape}")
        check_levels(names, (self.data, *self.coarser), f"image {self.name!r}")

    @property
    def axis_names(self) -> str:
        """Names of the axes as one word, such as ``"zyx"``."""
        return "".join(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent along each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one sample."""
        dtype: np.dtype[Any] = np.dtype(self.data.dtype)
        return dtype

    @property
    def extent(self) -> Region:
        """The whole image as a region."""
        return Region.of_shape(self.shape)

    def axis(self, name: str) -> Axis:
        """The axis of this name.

        Raises
        ------
        AxesError
            If the image has no such axis.
        """
        for axis in self.axes:
            if axis.name == name:
                return axis
        raise AxesError(f"image {self.name!r} has axes {self.axis_names!r}: there is no {name!r} among them")

    @property
    def pixel_size_nm(self) -> float | None:
        """Side of a pixel within a section in nm (the geometric mean of y and x), or None where it is unknown."""
        y, x = self.axis("y"), self.axis("x")
        return float(np.sqrt(y.scale * x.scale)) if y.unit == x.unit == "nm" else None

    def read(self, region: Region) -> NDArray[Any]:
        """Pixels of a region, as an array of the region's shape.

        Raises
        ------
        RegionError
            If the region has another number of axes or leaves the image.
        ImageReadError
            If the file behind it turns out to be damaged.
        """
        if region.ndim != len(self.axes):
            raise RegionError(f"image {self.name!r} has {len(self.axes)} axes, the region has {region.ndim}")
        if not self.extent.contains(region):
            raise RegionError(
                f"region {region.start} to {region.stop} leaves image {self.name!r} of shape {self.shape}"
            )
        return np.asarray(self.data[region.slices])

    def with_pixel_size(self, pixel_size_nm: float) -> Image:
        """The same image, with this side of a pixel in y and x."""
        axes = tuple(
            Axis(axis.name, axis.size, pixel_size_nm, "nm") if axis.name in "yx" else axis for axis in self.axes
        )
        return replace(self, axes=axes)

    def with_section_distance(self, distance_nm: float) -> Image:
        """The same image, with this distance of sections along z.

        Raises
        ------
        AxesError
            If the image is a single section.
        """
        self.axis("z")
        axes = tuple(Axis("z", axis.size, distance_nm, "nm") if axis.name == "z" else axis for axis in self.axes)
        return replace(self, axes=axes)
