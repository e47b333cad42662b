"""A random forest on the filters of a pixel classifier: what the same clicks give without an encoder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.draw import disk
from skimage.feature import multiscale_basic_features

from dinoscope.benchmark._clicks import counter_examples
from dinoscope.errors import MissingDependencyError
from dinoscope.features import read_pixels
from dinoscope.geometry import Region
from dinoscope.outputs import partial_file
from dinoscope.prompts import class_names
from dinoscope.similarity import SimilarityMap
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.batch import Work
    from dinoscope.benchmark._dataset import Dataset
    from dinoscope.prompts import PointPrompt
    from dinoscope.tiling import PatchGrid

TREES = 50
DAB = 3.5
"""Radius of a dab around a click, in working pixels: 37 of them."""

SIGMAS = (0.5, 16.0)
"""From the finest to the coarsest; scikit-image doubles them."""

_REACH = 4 * round(SIGMAS[1]) + 4
"""Where scipy cuts the widest Gaussian off, and the differences on top of it."""

_SIDE = 2048
"""Pixels per side that are filtered at once."""

_ROWS = 2**20
"""Pixels that are classified at once."""


def require_forest() -> Callable[..., Any]:
    """The classifier of scikit-learn.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    """
    try:
        from sklearn.ensemble import RandomForestClassifier
    except ImportError as error:
        raise MissingDependencyError(
            "the random forest of the benchmark is that of scikit-learn, which is not installed: "
            "pip install 'dinoscope[benchmark]', or leave the baseline forest out"
        ) from error
    found: Callable[..., Any] = RandomForestClassifier
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """A pixel classifier in the manner of ilastik and of scikit-image's trainable segmentation.

    Grey value, gradient and both eigenvalues of the Hessian at sigmas of 0.5 to 16 working pixels, which are those that
    the encoder sees, and a random forest on dabs of 3.5 pixels around the clicks, both classes weighing alike. A
    classifier learns nothing without background: where there are no counter-examples it is given as many places outside
    of the truth as there are clicks, drawn at random, for which nobody had to click.

    Attributes
    ----------
    dataset, works
        The images.
    scratch
        Folder for the filtered images, float16: 48 bytes per working pixel.

    References
    ----------
    Breiman, Random forests, Machine Learning 2001. Berg et al., ilastik, Nature Methods 2019.
    """

    dataset: Dataset
    works: Sequence[Work]
    scratch: Path

    def complete(self, index: int, prompts: list[PointPrompt]) -> list[PointPrompt]:
        """The clicks on an image, with background where they have none; the same clicks always get the same."""
        if not all(prompt.positive for prompt in prompts):
            return prompts
        case, (section, y, x) = self.dataset.cases[index], (round(at) for at in prompts[0].position)
        labels = case.labels(case.plane(section))[0]
        return prompts + counter_examples(labels, section, len(prompts), y * labels.shape[1] + x)

    def learn(self, index: int, prompts: list[PointPrompt]) -> Callable[[int, Sequence[int]], SimilarityMap]:
        """Train a forest on clicks on an image, of both signs."""
        dabs = [self._dab(index, prompt) for prompt in prompts]
        inside = np.repeat([prompt.positive for prompt in prompts], [len(dab) for dab in dabs])
        forest = require_forest()(TREES, class_weight="balanced", n_jobs=-1, random_state=0)
        forest.fit(np.concatenate(dabs), inside)
        levels = np.array([np.median(_probabilities(forest, np.concatenate(dabs)[inside]))], np.float32)
        classes = class_names(prompts)

        def compare(other: int, sections: Sequence[int]) -> SimilarityMap:
            grid = self._grid(other)
            values = np.stack([self._classify(forest, other, section) for section in sections])[np.newaxis]
            return SimilarityMap(classes, values, replace(grid, voxels=(len(sections), *grid.voxels[1:])), levels)

        return compare

    def _grid(self, index: int) -> PatchGrid:
        """Every working pixel is a patch."""
        return replace(self.works[index].store.grid, stride=1)

    def _dab(self, index: int, prompt: PointPrompt) -> NDArray[np.float32]:
        """Filters at the pixels around a click, shape (n, F)."""
        filtered = self._filtered(index, round(prompt.position[0]))
        centre = self._grid(index).patch_index(np.array(prompt.position[1:]))
        places = disk(tuple(centre.tolist()), DAB, shape=filtered.shape[:2])
        dab: NDArray[np.float32] = filtered[places].astype(np.float32)
        return dab

    def _classify(self, forest: Any, index: int, section: int) -> NDArray[np.float32]:
        """Probability of every pixel of a section, shape (h, w)."""
        filtered = self._filtered(index, section)
        flat = filtered.reshape(-1, filtered.shape[-1])
        starts = range(0, len(flat), _ROWS)
        found = [_probabilities(forest, flat[at : at + _ROWS].astype(np.float32)) for at in starts]
        return np.concatenate(found).reshape(filtered.shape[:2])

    def _filtered(self, index: int, section: int) -> NDArray[np.float16]:
        """Filters of a section, shape (h, w, F); made once, read from the disk as they are needed."""
        work = self.works[index]
        path = self.scratch / f"{work.store.manifest.key}-filters-{section}.npy"
        if not path.is_file():
            grid = self._grid(index)
            plane = Region((section, 0, 0), (section + 1, *grid.shape[1:]))
            with partial_file(path) as partial, partial.open("wb") as file:
                np.save(file, filter_section(work, grid, plane))
        filtered: NDArray[np.float16] = np.load(path, mmap_mode="r")
        return filtered


def filter_section(work: Work, grid: PatchGrid, plane: Region) -> NDArray[np.float16]:
    """Filters of a region (z, y, x) of working pixels in one section, shape (h, w, F); the same whatever the region."""
    parts = {block: _filter(work, grid, block) for block in blocks(plane, (1, _SIDE, _SIDE))}
    channels = {part.shape[-1] for part in parts.values()}
    made = np.zeros((*plane.shape[1:], *channels), np.float16)
    for block, part in parts.items():
        made[block.relative_to(plane).slices[1:]] = part
    return made


def _filter(work: Work, grid: PatchGrid, block: Region) -> NDArray[np.float16]:
    read = block.grow((0, _REACH, _REACH))
    pixels = read_pixels(work.image, work.store.manifest.intensity, grid, read)
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=-1)
    filtered = multiscale_basic_features(grey, sigma_min=SIGMAS[0], sigma_max=SIGMAS[1])
    kept: NDArray[np.float16] = filtered[block.relative_to(read).slices[1:]].astype(np.float16)
    return kept


def _probabilities(forest: Any, filtered: NDArray[np.float32]) -> NDArray[np.float32]:
    """How likely each of some pixels (n, F) is inside, shape (n,)."""
    inside = list(forest.classes_).index(True)
    probabilities: NDArray[np.float32] = forest.predict_proba(filtered)[:, inside].astype(np.float32)
    return probabilities
