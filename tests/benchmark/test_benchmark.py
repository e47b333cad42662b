"""The protocol on planted squares, seen by an encoder whose features are known."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from dinoscope.batch import Stages
from dinoscope.benchmark import (
    BASELINES,
    METHODS,
    Case,
    Correction,
    Dataset,
    EmptyTruthWarning,
    Protocol,
    Results,
    open_dataset,
    run_benchmark,
)
from dinoscope.benchmark._clicks import counter_examples, examples
from dinoscope.errors import EvaluationError, ImageReadError, PromptError
from dinoscope.evaluate import Effort
from dinoscope.image import open_image
from dinoscope.settings import ImageSettings, SegmentationSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SIDE = 96
PLACES = ((8, 8), (8, 56), (56, 12), (60, 60))


def planted(seed: int, places: Sequence[tuple[int, int]] = PLACES) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Bright squares on noise, on whole patches of the encoder, and their numbers."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((SIDE, SIDE), np.uint8)
    for number, (y, x) in enumerate(places, start=1):
        labels[y : y + 24, x : x + 24] = number
    grey = rng.integers(40, 60, labels.shape) + np.where(labels > 0, 150, 0)
    return grey.astype(np.uint8), labels


def dataset(*places: Sequence[tuple[int, int]], stack: bool = False) -> Dataset:
    pairs = [planted(seed, each) for seed, each in enumerate(places)]
    if stack:
        pairs = [(np.stack([grey for grey, _ in pairs]), np.stack([labels for _, labels in pairs]))]
    cases = [
        Case(open_image(grey, name=f"image {i}"), open_image(labels, name="truth"))
        for i, (grey, labels) in enumerate(pairs)
    ]
    return Dataset("squares", tuple(cases), True)


def measure(tmp_path: Path, data: Dataset, **protocol: Any) -> Results:
    wanted = Protocol(**{"clicks": (2,), "seeds": 2, "methods": ("dinosim",), "store_folder": tmp_path, **protocol})
    return run_benchmark(data, [("fake", FakeEncoder())], wanted, Stages())


def test_planted_squares_are_found_in_all_images(tmp_path: Path) -> None:
    data = dataset(PLACES, PLACES[1:])
    results = measure(tmp_path, data, clicks=(1, 2), targets=(0.7, 0.8))
    assert [(a.draw.clicks, a.draw.seed, a.image) for a in results.answers[:4]] == [
        (1, 0, "all"), (1, 0, "image 0"), (1, 0, "image 1"), (1, 1, "all")
    ]  # fmt: skip
    for whole, *parts in zip(results.answers[::3], results.answers[1::3], results.answers[2::3], strict=True):
        assert whole.counts.automatic.actual == sum(part.counts.automatic.actual for part in parts) == 7 * 24 * 24
        assert whole.counts.automatic.both == sum(part.counts.automatic.both for part in parts)
        assert whole.counts.automatic.scores().dice > 0.8
        assert whole.counts.curve.scores().best_dice >= whole.counts.automatic.scores().dice - 0.01
        assert whole.seconds > 0
    assert [correction.effort.clicks for correction in results.corrections] == [(1, 1), (1, 1)]
    assert results.left_out == ()


def test_scores_are_those_of_the_mask_at_each_threshold(tmp_path: Path) -> None:
    from dinoscope.batch import Work
    from dinoscope.geometry import Region
    from dinoscope.jobs import ignore_progress
    from dinoscope.segmentation import choose_thresholds, refine_map, segment, similarity_at
    from dinoscope.settings import SimilaritySettings
    from dinoscope.similarity import compare

    data = dataset(PLACES)
    (answer,) = measure(tmp_path, data, seeds=1).answers
    work = Work.open(data.cases[0].image, FakeEncoder(), Stages(), tmp_path / "again.zarr")
    reference = work.look_up(examples(planted(0)[1], 0, 2, seed=0), ignore_progress)
    work.extract(ignore_progress)
    similarity = compare(work.store, reference, SimilaritySettings(method="dinosim"))
    plane, truth, settings = Region.of_shape((1, SIDE, SIDE)), planted(0)[1] > 0, SegmentationSettings()
    fine = refine_map(similarity, data.cases[0].image, work.store.manifest, settings)
    automatic = segment(fine, work.store.manifest.image, settings).mask[:, :] > 0  # what a person would be given
    smooth = similarity_at(similarity, plane)[0, 0]
    plain, fixed = smooth >= choose_thresholds(similarity, "auto")[0], smooth >= 0.5
    masks = (automatic, plain, fixed)
    for counts, mask in zip((answer.counts.automatic, answer.counts.plain, answer.counts.fixed), masks, strict=True):
        assert (counts.both, counts.predicted, counts.actual) == ((mask & truth).sum(), mask.sum(), truth.sum())


def test_the_section_that_is_clicked_on_may_be_left_out(tmp_path: Path) -> None:
    data = dataset(PLACES, PLACES[:1], PLACES[:2], stack=True)
    (answer,) = measure(tmp_path, data, seeds=1).answers
    (held_out,) = measure(tmp_path, data, seeds=1, hold_out=True).answers
    assert (answer.counts.automatic.actual, held_out.counts.automatic.actual) == (7 * 24 * 24, 3 * 24 * 24)
    assert held_out.counts.curve.voxels.sum() == 2 * SIDE * SIDE
    with pytest.raises(EvaluationError, match="no section of 'squares' counts"):
        measure(tmp_path, dataset(PLACES), hold_out=True)


def test_sections_without_labels_are_told_and_may_be_left_out(tmp_path: Path) -> None:
    data = dataset(PLACES, (), PLACES, stack=True)
    with pytest.warns(EmptyTruthWarning, match="1 of 3 sections"):
        (answer,) = measure(tmp_path, data, seeds=1).answers
    assert answer.counts.curve.voxels.sum() == 3 * SIDE * SIDE
    (labelled,) = measure(tmp_path, data, seeds=1, labelled_only=True).answers
    assert labelled.counts.curve.voxels.sum() == 2 * SIDE * SIDE


def test_nobody_corrects_sections_without_labels(tmp_path: Path) -> None:
    data = dataset(PLACES, PLACES, stack=True)
    truth = np.stack([planted(0)[1], np.zeros((SIDE, SIDE), np.uint8)])
    unlabelled = Dataset("half", (Case(data.cases[0].image, open_image(truth, name="truth")),), True)
    results = measure(tmp_path, unlabelled, labelled_only=True, targets=(1.0,), at_most=4)
    assert {prompt.position[0] for prompt in results.corrections[0].effort.prompts} == {0.0}
    assert results.corrections[0].effort.dice[0] > 0.8


def test_only_some_sections_are_corrected(tmp_path: Path) -> None:
    data = dataset(PLACES[:2], (), PLACES[2:], PLACES, stack=True)
    results = measure(tmp_path, data, labelled_only=True, targets=(0.7,), corrected=2)
    assert all(each.effort.dice[0] > 0.7 for each in results.corrections)  # clicks go where they belong
    assert [each.image for each in results.corrections] == ["image 0, section 0", "image 0, section 2"]
    assert [{p.position[0] for p in each.effort.prompts} for each in results.corrections] == [{0.0}, {2.0}]


def test_features_are_made_of_sections_that_count_only(tmp_path: Path) -> None:
    encoders = FakeEncoder(), FakeEncoder()
    for encoder, places in zip(encoders, ((), PLACES), strict=True):
        data = dataset(PLACES, places, places, PLACES, stack=True)
        protocol = Protocol(clicks=(1,), seeds=1, labelled_only=True, methods=("dinosim",), store_folder=tmp_path)
        run_benchmark(data, [("fake", encoder)], protocol, Stages())
    assert 2 * encoders[0].encoded_tiles == encoders[1].encoded_tiles > 0


def test_a_map_of_some_sections_is_that_part_of_the_whole(tmp_path: Path) -> None:
    from dinoscope.batch import Work
    from dinoscope.benchmark._ways import Learned
    from dinoscope.jobs import ignore_progress
    from dinoscope.reference import build_reference
    from dinoscope.settings import SimilaritySettings
    from dinoscope.similarity import compare

    data = dataset(PLACES, PLACES[1:], PLACES[:2], stack=True)
    work = Work.open(data.cases[0].image, FakeEncoder(), Stages(), tmp_path / "store.zarr")
    work.extract(ignore_progress)
    prompts = examples(planted(0)[1], 0, 2, seed=0)
    reference = build_reference(work.store, prompts, Stages().reference)
    for method in METHODS:
        settings = SimilaritySettings(**{"method": method})
        whole = compare(work.store, reference, settings)
        some = Learned.of(work, prompts, settings).compare(work, (2, 0))
        np.testing.assert_array_equal(some.values, np.asarray(whole.values)[:, [2, 0]])
        np.testing.assert_array_equal(some.levels, whole.levels)
        assert some.grid.shape == np.asarray(some.values).shape[1:]


def test_who_has_no_counter_examples_is_a_baseline_of_its_own(tmp_path: Path) -> None:
    results = measure(
        tmp_path,
        dataset(PLACES),
        methods=("dinosim",),
        baselines=("positives", "published"),
        targets=(1.0,),
        at_most=4,
        segmentation=SegmentationSettings(refine="none"),
    )
    assert {answer.method for answer in results.answers} == {"dinosim"}
    assert [each.method for each in results.corrections] == ["dinosim", BASELINES["positives"], BASELINES["published"]]
    both, *positive = results.corrections
    assert not all(prompt.positive for prompt in both.effort.prompts)
    assert all(prompt.positive for each in positive for prompt in each.effort.prompts)


def test_another_section_may_be_clicked_on(tmp_path: Path) -> None:
    data = dataset((), PLACES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyTruthWarning)
        assert measure(tmp_path, data, click_on=1).answers[0].counts.automatic.scores().dice > 0.6
        with pytest.raises(EvaluationError, match="cannot draw 2 points from 0"):
            measure(tmp_path, data, click_on=0)
        with pytest.raises(EvaluationError, match=r"section 2 .* has 2"):
            measure(tmp_path, data, click_on=2)


def test_a_method_that_refuses_is_told_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dinoscope.benchmark import _ways
    from dinoscope.similarity import fit

    def refuse(reference: Any, settings: Any) -> Any:
        if settings.method != "dinosim":
            raise PromptError("needs counter-examples")
        return fit(reference, settings)

    monkeypatch.setattr(_ways, "fit", refuse)
    results = measure(tmp_path, dataset(PLACES), methods=METHODS)
    assert {answer.method for answer in results.answers} == {"dinosim"}
    assert results.left_out == tuple(f"fake, {name}: needs counter-examples" for name in METHODS if name != "dinosim")


def test_every_method_sees_the_same_clicks_and_finds_the_squares(tmp_path: Path) -> None:
    results = measure(tmp_path, dataset(PLACES), methods=METHODS, counter_examples=5)
    assert {answer.method for answer in results.answers} == set(METHODS)
    assert all(answer.counts.curve.scores().best_dice > 0.7 for answer in results.answers)


def test_protocols_that_draw_nothing_are_refused() -> None:
    for wrong in ({"clicks": ()}, {"clicks": (0,)}, {"seeds": 0}, {"counter_examples": -1}):
        with pytest.raises(EvaluationError, match="cannot be drawn"):
            Protocol(**wrong)
    for unknown in ({"baselines": ("oracle",)}, {"corrected": -1}):
        with pytest.raises(EvaluationError, match="expected baselines of forest, positives, published"):
            Protocol(**unknown)


def test_summaries_are_means_over_seeds_and_tables_hold_every_answer(tmp_path: Path) -> None:
    results = measure(tmp_path, dataset(PLACES, PLACES[:2]), clicks=(1, 2), seeds=3, targets=(0.7,))
    columns, (one, two) = results.columns(), results.summary()
    assert len({len(values) for values in columns.values()}) == 1
    assert columns["drawn"].count("at random") == 2 * 3 * 3
    rows = zip(columns["image"], columns["clicks"], columns["dice"], columns["drawn"], strict=True)
    dice = [value for name, clicks, value, drawn in rows if (name, clicks, drawn) == ("all", 1, "at random")]
    assert (one["dice"], one["dice_std"]) == pytest.approx((np.mean(dice), np.std(dice)))
    assert two["clicks"] == 2
    drawn, corrected = results.lines()
    assert (drawn.clicks, drawn.corrected) == ((1, 2), False)
    assert drawn.mean == pytest.approx((one["dice"], two["dice"]))
    assert corrected.corrected


def test_efforts_are_means_over_images_and_who_is_done_keeps_the_mask() -> None:
    efforts = [Effort((0.7, 0.8), (1, 1), (True, True), (0.9,), ()),
               Effort((0.7, 0.8), (2, 3), (True, False), (0.1, 0.7, 0.7), ())]  # fmt: skip
    results = Results((), tuple(Correction("e", "m", str(i), each, 0.5) for i, each in enumerate(efforts)), ())
    (line,) = results.efforts()
    assert (line["noc@70"], line["noc@80"], line["noc@70_failed"], line["noc@80_failed"]) == (1.5, 2.0, 0, 1)
    (course,) = results.lines()
    assert course.mean == pytest.approx((0.5, 0.8, 0.8))
    assert results.columns()["noc@80"] == [1, 3, 3, 3]


def test_clicks_on_numbered_objects_are_their_deepest_points() -> None:
    labels = np.zeros((40, 40), np.uint8)
    labels[2:11, 2:11], labels[11:40, 2:11] = 1, 2  # touching, and most of it is one object
    assert {p.position for p in examples(labels, 3, 1, 0)} < {(3.0, float(y), 6.0) for y in range(40)}
    places = [p.position[1:] for p in examples(labels, 0, 2, seed=0)]
    assert (6.0, 6.0) in places


def test_networks_and_few_objects_are_clicked_on_their_middle_lines() -> None:
    network = np.zeros((41, 41), bool)
    network[19:22], network[:, 19:22], network[2:5, 2:5] = True, True, True
    for prompts in (examples(network, 0, 8, 1), examples(network[:, :19], 0, 8, 1)):
        assert len({p.position for p in prompts}) == 8
        assert all(network[int(p.position[1]), int(p.position[2])] and p.positive for p in prompts)
    middle = [p.position[1] == 20 or p.position[2] == 20 for p in examples(network, 0, 8, 1)]
    assert sum(middle) >= 6
    outside = counter_examples(network, 0, 9, 1)
    assert not any(network[int(p.position[1]), int(p.position[2])] or p.positive for p in outside)


def write(folder: Path, array: NDArray[Any], *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        tifffile.imwrite(folder / name, array)


def test_folders_of_pictures_are_matched_by_name(tmp_path: Path) -> None:
    grey, labels = planted(0)
    write(tmp_path / "images", grey, "a.tif", "b.tif", "c.tif")
    write(tmp_path / "instances", labels, "a.tif", "c.tif")
    found = open_dataset(tmp_path, None, ImageSettings())
    assert (found.name, found.numbered, [case.image.name for case in found.cases]) == (tmp_path.name, True, ["a", "c"])


def test_masks_may_have_names_that_go_on(tmp_path: Path) -> None:
    grey, labels = planted(0)
    write(tmp_path / "images", grey, "a.tif", "b.tif")
    write(tmp_path / "masks", labels, "a_axon.tif", "b_myelin.tif")
    (case,) = open_dataset(tmp_path, "axon", ImageSettings(), label=2).cases
    assert (case.image.name, case.labels(case.plane(0)).sum()) == ("a", 24 * 24)
    with pytest.raises(ImageReadError, match="has a truth in"):
        open_dataset(tmp_path, None, ImageSettings())


def test_raw_sections_are_one_stack_with_named_truths(tmp_path: Path) -> None:
    grey, labels = planted(0)
    for name in ("raw", "mitochondria", "synapses"):
        write(tmp_path / name, grey if name == "raw" else labels, "00.tif", "01.tif", "02.tif")
    found = open_dataset(tmp_path, "mitochondria", ImageSettings(sections="1:3", image_pixel_size=4.6))
    assert (len(found.cases), found.cases[0].sections, found.numbered) == (1, 2, False)
    assert found.cases[0].image.pixel_size_nm == 4.6
    assert found.section(1) == (0, 1)
    with pytest.raises(ImageReadError, match="choose the truth with --truth from mitochondria, synapses"):
        open_dataset(tmp_path, None, ImageSettings())


def test_an_image_needs_its_truth_in_the_same_shape(tmp_path: Path) -> None:
    grey, labels = planted(0)
    write(tmp_path, grey, "a.tif")
    write(tmp_path, labels, "b.tif")
    write(tmp_path, labels[1:], "c.tif")
    assert open_dataset(tmp_path / "a.tif", str(tmp_path / "b.tif"), ImageSettings()).cases[0].sections == 1
    with pytest.raises(ImageReadError, match="tell its labels with --truth"):
        open_dataset(tmp_path / "a.tif", None, ImageSettings())
    with pytest.raises(EvaluationError, match="do not fit"):
        open_dataset(tmp_path / "a.tif", str(tmp_path / "c.tif"), ImageSettings())
