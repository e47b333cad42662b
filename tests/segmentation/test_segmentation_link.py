from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.segmentation import ObjectRules
from dinoscope.segmentation._linking import best_links
from dinoscope.segmentation._pieces import Facts
from tests.segmentation.objects import balls, objects_of

LINKED = ObjectRules(flat=True, linked=True)


def discs(*sections: list[tuple[float, float]], radius: float = 10) -> np.ndarray:
    """Sections with discs of a radius at some (y, x)."""
    planes = [balls((1, 60, 120), [(0, y, x) for y, x in centres], radius) for centres in sections]
    return np.concatenate(planes)


def test_a_shifted_stack_is_one_object() -> None:
    mask = discs(*([(30.0, 15.0 + 9 * z)] for z in range(10)))
    found, labels = objects_of(mask, LINKED, (1, 32, 50))
    assert found.count == 1
    assert (labels.max(axis=(1, 2)) == 1).all()


def test_a_barely_touching_pair_in_z_is_two() -> None:
    mask = discs([(30, 30)], [(30, 30)], [(30, 47)], [(30, 47)])
    assert objects_of(mask, ObjectRules())[0].count == 1
    found, labels = objects_of(mask, LINKED)
    assert found.count == 2
    assert [labels[z, 30, x] for z, x in [(0, 30), (1, 30), (2, 47), (3, 47)]] == [1, 1, 2, 2]


def test_of_two_that_meet_one_only_the_better_is_linked() -> None:
    mask = discs([(30, 30), (30, 52)], [(30, 36)])
    found, labels = objects_of(mask, ObjectRules(flat=True, linked=True, min_overlap=0.01))
    assert found.count == 2
    assert labels[1, 30, 36] == labels[0, 30, 30] != labels[0, 30, 52]


@pytest.mark.parametrize(("bridge", "count"), [(0, 3), (1, 2), (2, 1)])
def test_missing_sections_are_bridged_up_to_a_number(bridge: int, count: int) -> None:
    there: list[tuple[float, float]] = [(30, 30)]
    mask = discs(there, there, [], there, [], [], there)
    found, _ = objects_of(mask, ObjectRules(flat=True, linked=True, bridge=bridge))
    assert found.count == count


def test_a_bridge_does_not_pass_by_what_is_between() -> None:
    there: list[tuple[float, float]] = [(30, 30)]
    mask = discs(there, there, there)
    mask[1][mask[1] > 0] = 2
    found, labels = objects_of(mask, ObjectRules(flat=True, linked=True, bridge=1))
    assert found.count == 2  # another class between two sections does not hide what goes on behind it
    assert labels[0, 30, 30] == labels[2, 30, 30] != labels[1, 30, 30]


def test_sections_on_their_own_share_nothing() -> None:
    mask = discs([(30, 30)], [(30, 30)])
    assert objects_of(mask, ObjectRules(flat=True))[0].count == 2


def test_an_object_is_split_in_its_section_and_linked_through_all() -> None:
    pair: list[tuple[float, float]] = [(30, 30), (30, 48)]
    found, labels = objects_of(discs(pair, pair, pair), ObjectRules(flat=True, linked=True, split=0.7, reach=20))
    assert found.count == 2
    for x in (30, 48):
        assert len(set(labels[:, 30, x])) == 1


@given(st.integers(0, 10**6))
def test_nobody_has_two_partners_on_a_side(seed: int) -> None:
    rng = np.random.default_rng(seed)
    facts = Facts(np.ones(9, np.uint8), rng.integers(5, 30, 9), np.ones(9, bool), np.arange(9))
    lower, upper = np.meshgrid([1, 2, 3, 4], [5, 6, 7, 8])
    rows = np.stack([lower.ravel(), upper.ravel(), rng.integers(0, 6, 16)], axis=-1)
    links = best_links([rows], facts, 0.25)
    assert len(np.unique(links[:, 0])) == len(np.unique(links[:, 1])) == len(links)
    common = {(a, b): n for a, b, n in rows.tolist()}
    taken = {tuple(link) for link in links.tolist()}

    def iou(a: int, b: int) -> float:
        return float(common[a, b] / (facts.voxels[a] + facts.voxels[b] - common[a, b]))

    for a, b in common.keys() - taken:
        enough = common[a, b] >= 0.25 * min(facts.voxels[a], facts.voxels[b])
        rivals = [link for link in taken if a in link or b in link]
        # What was left out overlaps too little, or a partner of one of both overlaps at least as well.
        assert not enough or any(iou(*rival) >= iou(a, b) for rival in rivals)
