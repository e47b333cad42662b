"""Images on disk with examples on them, in a folder that other processes can open, too."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
import zarr
from scipy import ndimage

from benchmarks._encoders_by_name import make_encoder
from benchmarks._textures import Textures
from benchmarks.scale import MITOCHONDRION, PIXEL_NM, Mirrored
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.geometry import Region
from dinoscope.image import Image, open_image
from dinoscope.prompts import PointPrompt
from dinoscope.samples import phantom
from dinoscope.session import Session
from dinoscope.settings import ImageSettings, IntensitySettings, TilingSettings
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder

PIECE = 2048
CHUNK = 512
MARGIN = 100
"""Pixels between an example and the border of its section."""

FORGOTTEN = 8
"""Rounds after which the same clicks come again: whatever is remembered of a round must not help the next one."""


@dataclass(frozen=True, slots=True)
class Scene:
    """An image, its features and examples.

    Attributes
    ----------
    folder
        Where they are.
    encoder_name
        As in `encoder_of`.
    places
        Where mitochondria are deepest (z, y, x): the largest first, and of every section as many.
    """

    folder: Path
    encoder_name: str
    places: tuple[tuple[float, float, float], ...]

    @classmethod
    def open(cls, folder: Path) -> Scene:
        """What another process made in a folder."""
        told = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
        return cls(folder, told["encoder_name"], tuple(tuple(place) for place in told["places"]))

    @property
    def image(self) -> Image:
        """The image, opened."""
        return open_image(self.folder / "image.zarr", ImageSettings(image_pixel_size=PIXEL_NM))

    @property
    def encoder(self) -> Encoder:
        """What computes its features."""
        return encoder_of(self.encoder_name)

    def clicks(self, count: int, number: int = 0) -> tuple[PointPrompt, ...]:
        """Some clicks, in every round a pixel or so elsewhere."""
        moved = np.array([0.0, *divmod(number % FORGOTTEN**2, FORGOTTEN)])
        return tuple(PointPrompt(tuple((np.array(place) + moved).tolist())) for place in self.places[:count])

    def session(self) -> Session:
        """A session on the image, with its store open; everything is done in place."""
        encoder = self.encoder
        session = Session(folder=self.folder, make_encoder=lambda *_: encoder)
        session.image = self.image
        session.request("features")
        return session

    def store(self) -> FeatureStore:
        """The features, all of them; computed where they are missing."""
        encoder, image = self.encoder, self.image
        manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings())
        store = FeatureStore.open_or_create(self.folder / f"{manifest.key}.zarr", manifest)
        extract_features(image, encoder, store)
        return store


def encoder_of(name: str) -> Encoder:
    """``textures-C`` with C channels, or one that `make_encoder` knows."""
    kind, _, channels = name.partition("-")
    return Textures(int(channels)) if kind == "textures" else make_encoder(name, "cpu", 1)


def draw_stack(folder: Path, sections: int, side: int, encoder_name: str = "textures-384") -> Scene:
    """A stack of different pieces of phantom."""
    folder.mkdir(parents=True)
    array = _new_array(folder, (sections, side, side))
    places = []
    for number in range(sections):
        made = phantom((side, side), seed=number, pixel_size_nm=PIXEL_NM)
        whole = Region.of_shape((side, side))
        array[number] = made.image.read(whole)
        found = deepest(made.classes.read(whole) == MITOCHONDRION, MARGIN)
        places += [(number, rank, place) for rank, place in enumerate(found)]
    ordered = [(float(number), *place) for number, _, place in sorted(places, key=lambda one: (one[1] // 5, one[0]))]
    return _described(folder, encoder_name, ordered)


def draw_large(folder: Path, side: int, encoder_name: str = "textures-384", start: int = 0) -> Scene:
    """A piece of phantom, mirrored over and over to the size; examples are in the copy that begins at `start`."""
    folder.mkdir(parents=True)
    grey, mitochondria = _piece()
    image = Mirrored((side, side), grey)
    array = _new_array(folder, image.shape)
    for block in blocks(Region.of_shape(image.shape), (4 * CHUNK, 4 * CHUNK)):
        array[block.slices] = image[block.slices]
    seen = min(side, VIEW)
    found = deepest(mitochondria[:seen, :seen], MARGIN)
    return _described(folder, encoder_name, [(0.0, y + start, x + start) for y, x in found])


VIEW = 1024
"""Voxels per side within which `draw_large` puts its examples."""


def deepest(mask: NDArray[np.bool_], margin: int) -> list[tuple[float, float]]:
    """Where the objects of a mask are deepest (y, x), the thickest first, none near the border."""
    depths = ndimage.distance_transform_edt(mask)
    inner = np.zeros(mask.shape, bool)
    inner[margin:-margin, margin:-margin] = True
    labels, count = ndimage.label(mask)
    index = np.arange(1, count + 1)
    peaks = ndimage.maximum_position(np.where(inner, depths, 0.0), labels, index)
    ranked = sorted(((float(depths[peak]), peak) for peak in peaks if inner[peak]), reverse=True)
    return [(float(y), float(x)) for _, (y, x) in ranked]


def write_tiff(scene: Scene) -> Path:
    """The image of a scene once more, as a TIFF in tiles."""
    path = scene.folder / "image.tif"
    tifffile.imwrite(path, scene.image.read(scene.image.extent), tile=(CHUNK, CHUNK))
    return path


@cache
def _piece() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A piece of phantom, and where mitochondria are in it."""
    made = phantom((PIECE, PIECE), pixel_size_nm=PIXEL_NM)
    return made.image.read(made.image.extent), made.classes.read(made.image.extent) == MITOCHONDRION


def _new_array(folder: Path, shape: tuple[int, ...]) -> zarr.Array[Any]:
    chunks = (*(1 for _ in shape[:-2]), CHUNK, CHUNK)
    return zarr.create_array(folder / "image.zarr", shape=shape, chunks=chunks, dtype=np.uint8)


def _described(folder: Path, encoder_name: str, places: Sequence[tuple[float, ...]]) -> Scene:
    told = {"encoder_name": encoder_name, "places": places}
    (folder / "scene.json").write_text(json.dumps(told), encoding="utf-8")
    return Scene.open(folder)
