"""What a feature store was made from: everything that changes a feature, and nothing else."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from dinoscope.encoders import EncoderSpec
from dinoscope.errors import AxesError, SettingsError
from dinoscope.features._codecs import Coding
from dinoscope.features._pixels import IntensityRange, measure_intensity
from dinoscope.features._shards import Shards
from dinoscope.geometry import Axis
from dinoscope.image import content_digest
from dinoscope.settings import StorageSettings
from dinoscope.tiling import PatchGrid, TileGrid

if TYPE_CHECKING:
    from dinoscope.geometry import LengthUnit
    from dinoscope.image import Image
    from dinoscope.settings import IntensitySettings, TilingSettings

_T = TypeVar("_T")

FORMAT = "dinoscope-features"
FORMAT_VERSION = 2


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The facts about an image that its features depend on, or that results made from them need.

    Attributes
    ----------
    name, uri
        As in `Image`.
    axis_names
        Such as ``"zyx"``.
    voxels
        Shape (z, y, x); z is 1 for a 2-D image.
    voxel_size
        Length of a voxel (z, y, x) in `units`.
    units
        ``"nm"`` or ``"pixel"`` per axis (z, y, x).
    digest
        Digest of the content, see `content_digest`.
    """

    name: str
    uri: str
    axis_names: str
    voxels: tuple[int, int, int]
    voxel_size: tuple[float, float, float]
    units: tuple[LengthUnit, LengthUnit, LengthUnit]
    digest: str

    @property
    def pixel_size_nm(self) -> float | None:
        """Side of a voxel within a section in nm (geometric mean of y and x), or None where it is unknown."""
        known = self.units[1] == self.units[2] == "nm"
        return float((self.voxel_size[1] * self.voxel_size[2]) ** 0.5) if known else None

    def own(self, values: tuple[_T, ...]) -> tuple[_T, ...]:
        """Of three values per axis (z, y, x), those of the axes the image itself has."""
        return values if self.stacked else values[1:]

    @property
    def stacked(self) -> bool:
        """Whether the image is a stack of sections."""
        return "z" in self.axis_names


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that decides the features in a store.

    Attributes
    ----------
    image
        Facts about the image.
    intensity
        The intensities that became 0 and 1.
    tiles
        The patch grid and its cut into tiles.
    encoder
        The encoder's spec.
    coding
        How the features are kept.
    skip_blank
        Contrast below which a tile is blank and has the features of a flat one, see `is_blank`; 0 where none is.
    """

    image: ImageFacts
    intensity: IntensityRange
    tiles: TileGrid
    encoder: EncoderSpec
    coding: Coding
    skip_blank: float = 0.0

    @property
    def grid(self) -> PatchGrid:
        """The patches the store holds."""
        return self.tiles.grid

    @property
    def pixel_size_nm(self) -> float | None:
        """Side of a working pixel in nm, the scale at which the encoder saw the image; None where unknown."""
        size = self.image.pixel_size_nm
        return None if size is None else size / (self.grid.scale * self.grid.stretch**0.5)

    @property
    def patch_axes(self) -> tuple[Axis, ...]:
        """The image's own axes z, y and x, with one step per patch."""
        steps = (1.0, self.grid.patch_side(1), self.grid.patch_side(2))
        units: tuple[LengthUnit, ...] = self.image.units
        sizes = zip("zyx", self.grid.shape, self.image.voxel_size, steps, units, strict=True)
        axes = [Axis(name, count, voxel * step, unit) for name, count, voxel, step, unit in sizes]
        return tuple(axes) if self.image.stacked else tuple(axes[1:])

    @property
    def patch_origin(self) -> tuple[float, ...]:
        """Where the centre of the first patch lies, from the centre of the first voxel, in the units of the axes."""
        inset = [float(self.grid.to_voxel(0.0, axis)) * self.image.voxel_size[axis] for axis in (1, 2)]
        return self.image.own((0.0, *inset))

    @property
    def shards(self) -> Shards:
        """Which tiles share a file."""
        return Shards.of_size(self.tiles, self.coding.patch_bytes)

    @property
    def stored_bytes(self) -> int:
        """Size of a full store; what compression saves is not promised."""
        return math.prod(self.grid.shape) * self.coding.patch_bytes

    @property
    def key(self) -> str:
        """Digest under which the features are cached: equal keys mean equal features."""
        facts = self.to_dict()
        for told_elsewhere in ("name", "voxel_size", "units"):
            del facts["image"][told_elsewhere]  # they do not change a feature
        del facts["encoder"]["any_tile"]  # the tile that came of it tells
        del facts["encoder"]["name"]  # the fingerprint tells; one encoder may go by several names
        if self.encoder.precision == "float32":
            del facts["encoder"]["precision"]  # as it was before there was a choice: keys stay
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]

    def to_dict(self) -> dict[str, Any]:
        """The manifest as plain JSON values."""
        facts: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        if self.grid.stretch == 1.0:
            del facts["tiles"]["grid"]["stretch"]  # as it was before voxels could be anything but square: keys stay
        if not self.skip_blank:
            del facts["skip_blank"]  # as it was when every tile was encoded
        return {"format": FORMAT, "version": FORMAT_VERSION, **facts}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Manifest:
        """A manifest from what `to_dict` gave, after a trip through JSON."""
        facts: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values["image"].items()}
        tiles = dict(values["tiles"])
        grid = {**tiles.pop("grid")}
        grid["voxels"] = tuple(grid["voxels"])
        return cls(
            ImageFacts(**facts),
            IntensityRange(**values["intensity"]),
            TileGrid(PatchGrid(**grid), **tiles),
            EncoderSpec.from_dict(values["encoder"]),
            Coding(**values["coding"]),
            values.get("skip_blank", 0.0),
        )


def plan_features(
    image: Image,
    encoder: EncoderSpec,
    tiling: TilingSettings,
    intensity: IntensitySettings,
    storage: StorageSettings | None = None,
) -> Manifest:
    """Decide how the features of an image will be computed. Reads a sample of the pixels.

    Parameters
    ----------
    image
        With axes ``(z?, y, x, s?)``.
    encoder
        Spec of the encoder to be used.
    tiling, intensity, storage
        The settings of these stages.

    Raises
    ------
    AxesError
        If the image has other axes.
    SettingsError
        If tile, halo or scale do not go together with the encoder or the image.
    """
    if set(image.axis_names) - set("zyxs"):
        raise AxesError(
            f"image {image.name!r} has axes {image.axis_names!r}: pick one time point and one channel first"
        )
    facts = image_facts(image)
    scale = _working_scale(facts, tiling)
    grid = PatchGrid(facts.voxels, encoder.stride, scale)
    halo = _in_patches("halo", tiling.halo if tiling.halo is not None else encoder.halo, encoder.stride)
    tile = _in_patches("tile", tiling.tile if tiling.tile is not None else encoder.tile, encoder.stride)
    if tiling.tile is None and encoder.any_tile:
        tile = min(tile, max(grid.shape[1:]) + 2 * halo)  # a small image is one small tile
    coding = Coding.plan(encoder, storage or StorageSettings())
    tiles = TileGrid(grid, tile, halo)
    return Manifest(facts, measure_intensity(image, intensity), tiles, encoder, coding, tiling.skip_blank)


def image_facts(image: Image) -> ImageFacts:
    """The facts about an image with axes ``(z?, y, x, s?)``. Reads some of its pixels."""
    axes = [image.axis(name) for name in "zyx" if name in image.axis_names]
    missing = 3 - len(axes)
    y, x = axes[-2:]
    return ImageFacts(
        name=image.name,
        uri=image.uri,
        axis_names=image.axis_names,
        voxels=(axes[0].size if not missing else 1, y.size, x.size),
        voxel_size=(axes[0].scale if not missing else 1.0, y.scale, x.scale),
        units=(axes[0].unit if not missing else "pixel", y.unit, x.unit),
        digest=content_digest(image),
    )


def _working_scale(image: ImageFacts, tiling: TilingSettings) -> float:
    if tiling.pixel_size is None:
        return tiling.scale or 1.0
    if tiling.scale is not None:
        raise SettingsError("both a working pixel size and a scale are given: choose one of them")
    if image.pixel_size_nm is None:
        raise SettingsError(
            f"image {image.name!r} does not tell its pixel size, so it cannot be resampled to {tiling.pixel_size} nm: "
            "tell it with image_pixel_size, or give a scale"
        )
    return image.pixel_size_nm / tiling.pixel_size


def _in_patches(name: str, pixels: int, stride: int) -> int:
    if pixels % stride:
        raise SettingsError(f"{name} of {pixels} px: expected a multiple of the encoder's stride of {stride} px")
    return pixels // stride
