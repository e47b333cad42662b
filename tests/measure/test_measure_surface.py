"""Perimeters and surfaces against scikit-image, loops, and shapes whose outline is known in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation
from scipy.special import ellipe, elliprg
from skimage.measure import perimeter_crofton

from dinoscope.geometry import Axis
from dinoscope.image import Image
from dinoscope.measure import _surface, measure_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

Sizes = tuple[float, ...]


def image(array: NDArray[Any], scale: Sizes) -> Image:
    parts = zip("zyx"[-array.ndim :], array.shape, scale, strict=True)
    return Image("array", "memory", tuple(Axis(name, n, size, "nm") for name, n, size in parts), array)


def digitised(half_axes: Sizes, scale: Sizes, turn: NDArray[np.float64], offset: NDArray[np.float64]) -> NDArray[Any]:
    """The voxels whose centre is in an ellipse or ellipsoid."""
    ends = [int(max(half_axes) / size) + 2 for size in scale]
    grid = np.meshgrid(*(np.arange(-end, end + 1) for end in ends), indexing="ij")
    places = (np.stack(grid, axis=-1) + offset) * scale @ turn.T
    distance: NDArray[np.float64] = ((places / half_axes) ** 2).sum(axis=-1)
    return (distance <= 1).astype(np.uint8)


def outline(half_axes: Sizes) -> float:
    """Of an ellipse or ellipsoid."""
    if len(half_axes) == 2:
        b, a = sorted(half_axes)
        return float(4 * a * ellipe(1 - (b / a) ** 2))
    a, b, c = half_axes
    return float(4 * np.pi * elliprg(a * a * b * b, a * a * c * c, b * b * c * c))


def errors(half_axes: Sizes, scale: Sizes, count: int) -> NDArray[np.float64]:
    """Relative errors of some turned and shifted ones."""
    rng = np.random.default_rng(0)
    name = "perimeter_nm" if len(scale) == 2 else "surface_nm2"
    found = []
    for _ in range(count):
        turn = Rotation.random(rng=rng).as_matrix()
        if len(scale) == 2:
            angle = rng.uniform(0, np.pi)
            turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        labels = digitised(half_axes, scale, turn, rng.uniform(-0.5, 0.5, len(scale)))
        found.append(measure_objects(image(labels, scale))[name][0])
    return np.array(found) / outline(half_axes) - 1


@pytest.mark.parametrize("scale", [(4.0, 4.0), (4.0, 5.2), (10.0, 4.0)])
@pytest.mark.parametrize("half_axes", [(60.0, 60.0), (120.0, 50.0), (150.0, 40.0)])
def test_outlines_of_ellipses(half_axes: Sizes, scale: Sizes) -> None:
    found = errors(half_axes, scale, 12)
    assert np.abs(found).max() < 0.02
    assert abs(found.mean()) < 0.005


@pytest.mark.parametrize(
    ("half_axes", "scale"),
    [
        ((40.0, 40.0, 40.0), (8.0, 8.0, 8.0)),
        ((80.0, 80.0, 80.0), (8.0, 8.0, 8.0)),
        ((160.0, 80.0, 80.0), (8.0, 8.0, 8.0)),
        ((160.0, 160.0, 64.0), (8.0, 8.0, 8.0)),
        ((160.0, 110.0, 70.0), (8.0, 6.0, 8.0)),
        ((200.0, 200.0, 200.0), (40.0, 8.0, 8.0)),
        ((400.0, 200.0, 200.0), (40.0, 8.0, 8.0)),
        ((300.0, 150.0, 150.0), (25.0, 10.0, 12.0)),
    ],
)
def test_surfaces_of_ellipsoids(half_axes: Sizes, scale: Sizes) -> None:
    found = errors(half_axes, scale, 6)
    assert np.abs(found).max() < 0.02
    assert abs(found.mean()) < 0.01


def test_small_objects_come_out_too_small() -> None:
    """Lines miss what is thinner than their steps, as the documentation says."""
    assert -0.05 < errors((20.0, 20.0, 20.0), (8.0, 8.0, 8.0), 12).mean() < -0.01
    assert -0.05 < errors((100.0, 100.0, 100.0), (40.0, 8.0, 8.0), 12).mean() < -0.01


@pytest.mark.parametrize("scale", [(1.0, 1.0), (8.0, 8.0, 8.0), (40.0, 8.0, 8.0)])
def test_flat_faces_along_the_axes_come_out_too_small(scale: Sizes) -> None:
    sides = np.array([2400, 2400, 2400][-len(scale) :]) / scale
    labels = np.ones(sides.astype(int), np.uint8)
    table = measure_objects(image(labels, scale))
    found = table["perimeter_nm"][0] / (4 * 2400) if len(scale) == 2 else table["surface_nm2"][0] / (6 * 2400**2)
    assert (0.979 if len(scale) == 2 else 0.91) < found < 1


@settings(max_examples=40, deadline=None)
@given(labels=arrays(np.uint8, (9, 11), elements=st.integers(0, 3)))
def test_with_four_directions_it_is_the_estimate_of_scikit_image(labels: NDArray[np.uint8]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_surface._STEPS, 2, 1)
        table = measure_objects(image(labels, (3.0, 3.0)))
    expected = [3 * perimeter_crofton(labels == label, directions=4) for label in table["label"]]
    np.testing.assert_allclose(table["perimeter_nm"], expected, rtol=1e-9)


@settings(max_examples=15, deadline=None)
@given(labels=arrays(np.uint16, (3, 6, 5), elements=st.sampled_from([0, 0, 1, 2, 40000])))
def test_every_crossing_counts_once(labels: NDArray[np.uint16]) -> None:
    scale = (24.0, 8.0, 8.0)
    estimator = _surface.crofton(scale)
    table = measure_objects(image(labels, scale))
    around = np.pad(labels, 8)
    for row, label in enumerate(table["label"]):
        total = 0.0
        for step, weight in zip(estimator.steps, estimator.weights, strict=True):
            inside = around == label
            total += weight * (inside != np.roll(inside, step, axis=(0, 1, 2))).sum()  # nothing meets at the ends
        assert table["surface_nm2"][row] == pytest.approx(total)


@pytest.mark.parametrize("scale", [(1.0, 1.0), (10.0, 4.0), (1.0, 1.0, 1.0), (40.0, 8.0, 8.0), (30.0, 4.0, 5.0)])
def test_no_other_weights_are_right_for_more_normals(scale: Sizes) -> None:
    ndim = len(scale)
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(200_000, ndim))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    estimator = _surface.crofton(scale)
    steps = estimator.steps * np.array(scale)
    # A plane of area 1 is crossed |n · step| / volume times by the lines along a step.
    crossings = np.abs(normals @ steps.T) / np.prod(scale)
    assert (crossings @ estimator.weights).mean() == pytest.approx(1, abs=0.002)

    def error(weights: NDArray[np.float64]) -> float:
        found = crossings @ weights
        return float(np.std(found) / found.mean())

    best = error(estimator.weights)
    assert best < (0.01 if ndim == 2 else 0.02)
    for _ in range(20):
        assert error(estimator.weights * rng.uniform(0.8, 1.2, len(steps))) > best


def test_very_flat_voxels_need_no_wide_margins() -> None:
    assert _surface.crofton((4000.0, 4.0, 4.0)).reach == (1, 16, 16)
