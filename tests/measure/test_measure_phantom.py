"""The organelles of the phantom, whose every measure is known, within 2 %; in 3-D in sections thicker than pixels.

Left out are those cut by the border, and those of fewer than 8 voxels or sections across, of which nobody could know
more: which voxels have their centre inside depends on where the object lies between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import ellipe, elliprg

from dinoscope.measure import measure_objects
from dinoscope.samples import phantom
from dinoscope.samples._look import Look

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.measure import ObjectTable
    from dinoscope.samples._scene import Organelles

MITOCHONDRION = 1


@dataclass(frozen=True)
class Found:
    """The mitochondria that no border cuts, from 8 voxels across."""

    table: ObjectTable
    rows: NDArray[np.int64]
    truth: Organelles
    voxel_nm: tuple[float, ...]

    def error(self, name: str, truth: NDArray[np.float64]) -> float:
        """The largest relative error of a column."""
        return float(np.abs(self.table[name][self.rows] / truth - 1).max())


@pytest.fixture(scope="module", params=[((1400, 1400), 4.0, None), ((100, 230, 230), 8.0, 20.0)], ids=["2-D", "3-D"])
def found(request: pytest.FixtureRequest) -> Found:
    shape, pixel_size, section = request.param
    sample = phantom(shape, seed=2, pixel_size_nm=pixel_size, section_nm=section, look=Look(mitochondria=0.95))
    table = measure_objects(sample.instances)
    everything = sample.scene.organelles(np.zeros(len(shape)), np.array(shape) * sample.voxel_nm)
    index = np.searchsorted(everything.ids, table["label"])
    large = everything.short[index] >= 4 * max(sample.voxel_nm)
    rows = np.flatnonzero((everything.classes[index] == MITOCHONDRION) & ~table["touches_border"] & large)
    return Found(table, rows, everything.select(index[rows]), sample.voxel_nm)


def test_there_are_enough(found: Found) -> None:
    assert len(found.rows) >= 4


def test_sizes_and_diameters(found: Found) -> None:
    long, short = found.truth.long, found.truth.short
    if len(found.voxel_nm) == 2:
        assert found.error("area_nm2", np.pi * long * short) < 0.02
        assert found.error("equivalent_diameter_nm", 2 * np.sqrt(long * short)) < 0.01
    else:
        assert found.error("volume_nm3", 4 / 3 * np.pi * long * short**2) < 0.02
        assert found.error("equivalent_diameter_nm", 2 * np.cbrt(long * short**2)) < 0.01


def test_outlines_and_surfaces(found: Found) -> None:
    long, short = found.truth.long, found.truth.short
    if len(found.voxel_nm) == 2:
        assert found.error("perimeter_nm", 4 * long * ellipe(1 - (short / long) ** 2)) < 0.02
    else:
        assert (
            found.error("surface_nm2", 4 * np.pi * elliprg((long * short) ** 2, (long * short) ** 2, short**4)) < 0.02
        )


def test_axes_and_their_directions(found: Found) -> None:
    truth, rows, table = found.truth, found.rows, found.table
    assert found.error("major_axis_nm", 2 * truth.long) < 0.02
    assert found.error("minor_axis_nm", 2 * truth.short) < 0.02
    np.testing.assert_allclose(table["elongation"][rows], 1 - truth.short / truth.long, atol=0.02)
    if len(found.voxel_nm) == 2:
        angle = table["orientation_rad"][rows]
        along = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    else:
        assert found.error("middle_axis_nm", 2 * truth.short) < 0.02
        along = np.stack([table[f"direction_{name}"][rows] for name in "zyx"], axis=1)
    cosine = np.abs((along * truth.directions).sum(axis=1))
    elongated = truth.short < 0.8 * truth.long
    assert elongated.any()
    assert cosine[elongated].min() > np.cos(np.deg2rad(2))


def test_centroids_and_nearest_neighbours(found: Found) -> None:
    size = np.array(found.voxel_nm)
    names = "zyx"[-len(size) :]
    centres = np.stack([found.table[f"centroid_{name}_nm"][found.rows] for name in names], axis=1)
    # The phantom counts from the corner of the first voxel, the table from its centre.
    apart = np.abs(centres + size / 2 - found.truth.centres)
    assert (apart < 0.02 * 2 * found.truth.short[:, None]).all()
