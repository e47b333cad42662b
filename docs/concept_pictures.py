"""The pictures of the concepts, of a phantom, into ``docs/images/concepts``: ``python docs/concept_pictures.py``."""

from __future__ import annotations

import contextlib
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from PIL import Image as Picture

import dinoscope as ds
from dinoscope import plot
from dinoscope.cli import main as dinoscope
from dinoscope.evaluate import draw_clicks
from dinoscope.geometry import Region
from dinoscope.settings import DetectionSettings, SegmentationSettings, SimilaritySettings, TilingSettings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dinoscope.encoders import Encoder
    from dinoscope.features import FeatureStore
    from dinoscope.image import Image
    from dinoscope.reference import Reference
    from dinoscope.similarity import SimilarityMap

IMAGES = Path(__file__).parent / "images" / "concepts"
SIDE, SEED, CLICKS, DOTS_PER_INCH = 768, 3, 3, 110
TILE, HALO = 320, 64
"""Pixels: smaller than nano's own, so that there are several on a small picture."""

SCALES = (0.25, 1.0, 4.0)
METHODS = ("knn", "probe", "prototype", "dinosim")
THRESHOLDS = (0.3, 0.6, 0.9)
CROP = 259
"""Pixels to each side of an example from which patches are taken: half of the crop of the settings."""

CLASS = "mitochondrion"


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What the pictures show: an image, its features, clicks on it and what they say."""

    image: Image
    encoder: Encoder
    store: FeatureStore
    clicks: list[tuple[float, float]]
    reference: Reference

    @classmethod
    def made(cls, folder: Path) -> Stage:
        """A phantom with features in a folder, and clicks on some mitochondria."""
        sample = ds.phantom((SIDE, SIDE), seed=SEED)
        instances, classes = (i.read(i.extent) for i in (sample.instances, sample.classes))
        clicks = [(float(y), float(x)) for y, x in draw_clicks(np.where(classes == 1, instances, 0), CLICKS, seed=1)]
        encoder = ds.create_encoder("nano", "cpu")
        store = extracted(sample.image, encoder, folder / "features.zarr")
        prompts = [ds.PointPrompt((0.0, y, x), CLASS) for y, x in clicks]
        return cls(sample.image, encoder, store, clicks, ds.build_reference(store, prompts, ds.ReferenceSettings()))

    def similarity(self, method: Any = "knn") -> SimilarityMap:
        """What the clicks say of the image."""
        return ds.compare(self.store, self.reference, SimilaritySettings(method=method))


def extracted(image: Image, encoder: Encoder, path: Path, tiling: TilingSettings | None = None) -> FeatureStore:
    """The features of an image."""
    manifest = ds.plan_features(image, encoder.spec, tiling or TilingSettings(), ds.IntensitySettings())
    store = ds.FeatureStore.create(path, manifest)
    ds.extract_features(image, encoder, store)
    return store


def main() -> None:
    """Make all of them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    mpl.use("Agg")
    with tempfile.TemporaryDirectory() as name:
        stage = Stage.made(Path(name))
        tiles(stage)
        steps(stage)
        methods(stage)
        thresholds(stage)
        scales(stage, Path(name))
        demo(Path(name))


def tiles(stage: Stage) -> None:
    """The kept parts of tiles, and one of them with its halo."""
    settings = TilingSettings(tile=TILE, halo=HALO)
    plan = ds.plan_features(stage.image, stage.encoder.spec, settings, ds.IntensitySettings())
    figure, (ax,) = canvas(1)
    plot.image(stage.image, ax=ax)
    for tile in plan.tiles:
        ax.add_patch(box(plan.grid.voxels_of(tile.write), stage.image, color="#ffb000", lw=1.5))
    middle = plan.tiles[0, 1, 1]
    ax.add_patch(box(plan.grid.voxels_of(middle.write), stage.image, color="#00c8ff", lw=2.5))
    ax.add_patch(box(plan.grid.voxels_of(middle.read), stage.image, color="#00c8ff", lw=2, ls="--"))
    keep(figure, "tiles")


def steps(stage: Stage) -> None:
    """Features, examples, similarity, mask and objects, a picture each."""
    image, similarity = stage.image, stage.similarity()
    fine = ds.refine_map(similarity, image, stage.store.manifest, SegmentationSettings())
    found = ds.segment(fine, stage.store.manifest.image, SegmentationSettings(min_diameter=100))
    figure, (ax,) = canvas(1)
    plot.features(stage.store, ax=ax)
    keep(figure, "colours")
    figure, (ax,) = canvas(1)
    plot.image(image, ax=ax)
    for y, x in stage.clicks:
        around = Region((0, round(y) - CROP, round(x) - CROP), (1, round(y) + CROP, round(x) + CROP))
        ax.add_patch(box(around.intersect(Region.of_shape((1, SIDE, SIDE))), image, color="#ffb000", lw=1.5, ls="--"))
    dots(ax, stage)
    keep(figure, "reference")
    figure, (ax,) = canvas(1)
    heat(ax, stage, similarity)
    keep(figure, "similarity")
    figure, (ax,) = canvas(1)
    plot.overlay(image, found, ax=ax)
    keep(figure, "mask")
    figure, (ax,) = canvas(1)
    plot.overlay(image, found.instance_image(image), ax=ax)
    plot.detections(image, ds.detect(similarity, stage.store.manifest.image, DetectionSettings()), ax=ax)
    keep(figure, "objects")


def methods(stage: Stage) -> None:
    """The maps of the methods, side by side."""
    figure, axes = canvas(len(METHODS))
    for ax, method in zip(axes, METHODS, strict=True):
        heat(ax, stage, stage.similarity(method))
        ax.set_title(method)
    keep(figure, "methods")


def thresholds(stage: Stage) -> None:
    """The mask of a quarter of the image at some thresholds."""
    fine = ds.refine_map(stage.similarity(), stage.image, stage.store.manifest, SegmentationSettings())
    figure, axes = canvas(len(THRESHOLDS))
    for ax, threshold in zip(axes, THRESHOLDS, strict=True):
        found = ds.segment(fine, stage.store.manifest.image, SegmentationSettings(threshold=threshold))
        plot.overlay(stage.image, found, Region((0, SIDE // 2), (SIDE // 2, SIDE)), ax=ax)
        ax.set_title(f"threshold {threshold:g}")
        legend = ax.get_legend()
        if legend is not None:
            legend.remove()
    keep(figure, "thresholds")


def scales(stage: Stage, folder: Path) -> None:
    """One object at some working scales, with the patches over it and what the map of each says."""
    (y, x), half = max(stage.clicks), 48
    around = Region((round(y) - half, round(x) - half), (round(y) + half, round(x) + half))
    figure, axes = canvas(len(SCALES))
    for ax, scale in zip(axes, SCALES, strict=True):
        plan = ds.plan_features(stage.image, stage.encoder.spec, TilingSettings(scale=scale), ds.IntensitySettings())
        shrunk = resampled(stage.image.read(around.intersect(stage.image.extent)), scale)
        ax.imshow(shrunk, cmap="gray", extent=(0, 2 * half, 2 * half, 0), interpolation="nearest")
        side = plan.grid.patch_voxels
        for place in np.arange(0, 2 * half, side):
            ax.axhline(place, color="#ffb000", lw=min(1.0, side / 6))
            ax.axvline(place, color="#ffb000", lw=min(1.0, side / 6))
        ax.set_title(f"{stage.store.manifest.image.pixel_size_nm / scale:g} nm per pixel")  # type: ignore[operator]
        ax.set_axis_off()
    keep(figure, "scales")


def resampled(pixels: np.ndarray[Any, Any], scale: float) -> np.ndarray[Any, Any]:
    """Grey values as the encoder gets them."""
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(Picture.fromarray(pixels).resize(size, Picture.Resampling.BOX if scale < 1 else 3))


def demo(folder: Path) -> None:
    """The picture that the demo writes, in half of its size."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        dinoscope(["demo", "--out", str(folder / "demo")])
    whole = Picture.open(folder / "demo" / "overlay.png").convert("RGB")
    half = whole.resize((whole.width // 2, whole.height // 2), Picture.Resampling.LANCZOS)
    half.quantize(256).save(IMAGES / "demo_overlay.png", optimize=True)


def heat(ax: Axes, stage: Stage, similarity: SimilarityMap) -> None:
    """A map by itself, dark to bright, with the clicks."""
    values = similarity.read(similarity.grid.extent)[0, 0]
    size = stage.image.axes[-1].scale
    ends = [(n * similarity.grid.patch_voxels - 0.5) * size for n in values.shape]
    ax.imshow(values, vmin=0, vmax=1, cmap="magma", extent=(-size / 2, ends[1], ends[0], -size / 2))
    dots(ax, stage)
    ax.set_axis_off()


def dots(ax: Axes, stage: Stage) -> None:
    """The clicks."""
    size = stage.image.axes[-1].scale
    places = np.array(stage.clicks) * size
    ax.plot(places[:, 1], places[:, 0], "o", mfc="#00c8ff", mec="black", ms=9)


def box(voxels: Region, image: Image, **look: Any) -> Rectangle:
    """The outline of some voxels (z, y, x) in nm."""
    size = image.axes[-1].scale
    (_, y, x), (_, height, width) = voxels.start, voxels.shape
    return Rectangle(((x - 0.5) * size, (y - 0.5) * size), width * size, height * size, fill=False, **look)


def canvas(count: int) -> tuple[Figure, list[Axes]]:
    """A figure with so many square pictures in a row, or two rows of two."""
    rows, columns = (2, 2) if count == 4 else (1, count)
    side = 5.0 if count == 1 else 3.4
    figure, axes = plt.subplots(
        rows, columns, figsize=(side * columns, side * rows), layout="constrained", squeeze=False
    )
    return figure, list(axes.flat)


def keep(figure: Figure, name: str) -> None:
    """Write a figure, with few colours so that it stays small."""
    file = io.BytesIO()
    figure.savefig(file, dpi=DOTS_PER_INCH)
    plt.close(figure)
    Picture.open(file).convert("RGB").quantize(256).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
