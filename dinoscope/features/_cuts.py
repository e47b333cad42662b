"""The sections of a volume that are encoded: as it is stored, or across another of its axes, or all of these."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from dinoscope.features._manifest import image_facts
from dinoscope.features._store import FeatureStore
from dinoscope.image import cut_across
from dinoscope.tiling import CrossSections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinoscope.features._manifest import ImageFacts, Manifest
    from dinoscope.geometry import Region
    from dinoscope.image import Image

CutAxis = Literal["z", "y", "x"]

_ROUNDING = 1.01
"""Voxels less elongated than this are cubes: sizes in files are rounded."""


class VoxelShapeWarning(UserWarning):
    """Voxels are taken for cubes because nothing tells their shape."""


@dataclass(frozen=True, slots=True)
class CutPlan:
    """A stack of sections that will be encoded.

    Attributes
    ----------
    source
        The volume.
    image
        Its sections, one after the other.
    manifest
        Of their features.
    sections
        Where they lie in the volume; None if they are its own.
    """

    source: Image
    image: Image
    manifest: Manifest
    sections: CrossSections | None


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A stack of sections with its features.

    Attributes
    ----------
    source, image, sections
        As in `CutPlan`.
    store
        The features, filled as far as they were needed.
    """

    source: Image
    image: Image
    store: FeatureStore
    sections: CrossSections | None = None

    def patches_around(self, region: Region) -> Region:
        """The patches of the stack that decide the values at a region of patches (z, gy, gx) of the volume."""
        return region if self.sections is None else self.sections.patches_around(region)

    def position(self, voxel: tuple[float, ...]) -> tuple[float, ...]:
        """Where in the stack a voxel position (z, y, x) of the volume lies."""
        return voxel if self.sections is None else self.sections.position(voxel)


def plan_cuts(image: Image, manifest: Manifest, axes: Sequence[CutAxis]) -> tuple[CutPlan, ...]:
    """The stacks that a volume is cut into.

    Across y and x there is a section through the middle of every row or column of patches of the volume, so that all
    three together are few more tiles than its own sections. Where the file tells how long and wide a voxel is, pixels
    are made square; otherwise voxels are taken for cubes, see `shape_advice`.

    Parameters
    ----------
    image
        With axes ``(z?, y, x, s?)``.
    manifest
        Of the features of its own sections, see `plan_features`.
    axes
        Those to cut across, see `TilingSettings.cut_axes`.

    Raises
    ------
    SettingsError
        If the image is a single section and is to be cut across another axis than z.
    """
    own = CutPlan(image, image, manifest, None)
    return tuple(own if axis == "z" else _plan_across(image, manifest, axis) for axis in axes)


def open_cuts(image: Image, store: FeatureStore, axes: Sequence[CutAxis]) -> tuple[Cut, ...]:
    """The stacks of `plan_cuts` with their features, which are kept next to those of the volume's own sections.

    Raises
    ------
    SettingsError
        If the image is a single section and is to be cut across another axis than z.
    StoreMismatchError
        If something else is in their place.
    StoreError
        If a store is damaged or the disk refuses.
    """
    cuts = []
    for plan in plan_cuts(image, store.manifest, axes):
        kept = store
        if plan.sections is not None:
            path = _place(store, plan.manifest.key, plan.sections.axis)
            kept = FeatureStore.open_or_create(path, plan.manifest)
        cuts.append(Cut(image, plan.image, kept, plan.sections))
    return tuple(cuts)


def shape_advice(manifest: Manifest, axes: Sequence[CutAxis]) -> str | None:
    """A sentence if voxels are taken for cubes because the file does not tell their shape, and it matters."""
    image = manifest.image
    if set(axes) == {"z"} or set(image.units) == {"nm"}:
        return None
    return (
        f"{image.name!r} does not tell its pixel size and the distance of its sections in nm, so voxels are taken for "
        "cubes where it is cut across y or x: tell both if they are not"
    )


def _plan_across(image: Image, manifest: Manifest, axis: Literal["y", "x"]) -> CutPlan:
    sections = CrossSections(manifest.grid, axis, _stretch(manifest.image, axis))
    stack = cut_across(image, sections)
    tiles = replace(manifest.tiles, grid=sections.patches)
    return CutPlan(image, stack, replace(manifest, image=image_facts(stack), tiles=tiles), sections)


def _stretch(image: ImageFacts, axis: Literal["y", "x"]) -> float:
    """Length of a voxel along z, in those of the axis that is left where another is cut across."""
    left = 2 if axis == "y" else 1
    if not image.units[0] == image.units[left] == "nm":
        return 1.0
    stretch = image.voxel_size[0] / image.voxel_size[left]
    return stretch if max(stretch, 1 / stretch) > _ROUNDING else 1.0


def _place(own: FeatureStore, key: str, axis: str) -> str:
    """Where the features across an axis go: by their key if the volume's are kept by theirs, else by its name."""
    path, by_key = own.location, f"{own.manifest.key}.zarr"
    if path.endswith(by_key):
        return path.removesuffix(by_key) + f"{key}.zarr"
    return f"{path.removesuffix('.zarr')}_across_{axis}.zarr"
