"""The same work on a cluster of two processes: the same results, whatever happens to the processes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from dinoscope.batch import ALONE, Recipe, Stages, Work, find
from dinoscope.distributed import Cluster, connect
from dinoscope.errors import Cancelled, ClusterError, ImageReadError, StoreError, StoreMismatchError
from dinoscope.features import FeatureStore
from dinoscope.image import open_image
from dinoscope.jobs import ignore_progress
from dinoscope.outputs import scratch_array
from dinoscope.prompts import PointPrompt
from dinoscope.samples import phantom
from dinoscope.settings import ClusterSettings, EncoderSettings, SegmentationSettings, SimilaritySettings
from dinoscope.similarity import compare
from dinoscope.testing import FakeEncoder
from tests.worker_encoders import FREE, PATIENCE, gated, noted, other_weights, victim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from distributed import Client, Worker

    from dinoscope.batch import Crew, Findings
    from dinoscope.image import Image
    from dinoscope.jobs import Progress

CLICKS = [PointPrompt((0, 48.0, 48.0), "square"), PointPrompt((0, 120.0, 40.0), "dark")]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with connect(ClusterSettings(workers=2)) as crew:
        assert isinstance(crew, Cluster)
        yield crew.client


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """Two sections with two bright squares and a black one on noise, which move from one to the other."""
    rng = np.random.default_rng(0)
    drawn = 0.4 + rng.random((2, 160, 300), dtype=np.float32) * 0.2
    for z, section in enumerate(drawn):
        section[32:64, 32:64] += 0.4
        section[96:128, 120 + 4 * z : 152 + 4 * z] += 0.4
        section[104:136, 24:56] = 0
    tifffile.imwrite(tmp_path / "stack.tif", drawn, metadata={"axes": "ZYX"}, ome=True)
    return tmp_path / "stack.tif"


def work_on(image: Image, store: Path, crew: Crew = ALONE, folder: Path | None = None) -> Work:
    stages = Stages(encoder=EncoderSettings(encoder=str(folder or store.parent)))
    return Work.open(image, FakeEncoder(), stages, store, crew)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def alone(image: Image, folder: Path) -> dict[str, bytes]:
    """The files of a store that this process filled."""
    work_on(image, folder / "alone.zarr").extract(ignore_progress)
    return files_of(folder / "alone.zarr")


def is_idle(client: Client) -> bool:
    return not any(client.processing().values())


def tasks_at_hand(dask_worker: Worker) -> int:
    """Runs in a worker: how many tasks it has not forgotten."""
    return len(dask_worker.state.tasks)


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.02)


def test_features_are_those_of_one_process_to_the_bit(client: Client, stack: Path, tmp_path: Path) -> None:
    image, told = open_image(stack), list[Any]()
    work_on(image, tmp_path / "many.zarr", Cluster(client, noted)).extract(told.append)
    assert files_of(tmp_path / "many.zarr") == alone(image, tmp_path)
    tiles = len(FeatureStore.open(tmp_path / "many.zarr").manifest.tiles)
    assert [told[0].done, told[-1].done] == [0, tiles]
    assert {(step.stage, step.total) for step in told} == {("features", tiles)}
    assert [step.done for step in told] == sorted(step.done for step in told)


def test_only_what_is_asked_for_and_missing_is_computed(client: Client, stack: Path, tmp_path: Path) -> None:
    work = work_on(open_image(stack), tmp_path / "many.zarr", Cluster(client, noted))
    lattice = work.store.manifest.tiles
    work.extract(ignore_progress, lattice[0, 0, 0].write)
    assert work.store.tiles_done == 1
    work.extract(ignore_progress, replace(work.store.grid.extent, stop=(1, *work.store.grid.shape[1:])))
    assert {tile.index[0] for tile in work.store.pending()} == {1}
    assert work.store.tiles_done == len(lattice) // 2


def test_what_workers_find_blank_is_known_here(client: Client, tmp_path: Path) -> None:
    values = np.full((160, 600), 128, np.uint8)
    values[:, :300] = np.random.default_rng(0).integers(0, 256, (160, 300))
    tifffile.imwrite(tmp_path / "half.tif", values)
    image = open_image(tmp_path / "half.tif")
    work = work_on(image, tmp_path / "many.zarr", Cluster(client, noted))
    work.extract(ignore_progress)
    assert files_of(tmp_path / "many.zarr") == alone(image, tmp_path)
    lattice = work.store.manifest.tiles
    blank = {tile.index for tile in lattice.touching(work.store.grid.extent) if tile.read.start[2] * 4 >= 300}
    assert work.store.blanks.found == blank
    assert work.blank_notice.startswith(f"{len(blank)} of {len(lattice)} tiles were found blank")


def test_every_worker_makes_the_encoder_once(client: Client, stack: Path, tmp_path: Path) -> None:
    for number in range(3):
        work_on(open_image(stack), tmp_path / f"{number}.zarr", Cluster(client, noted)).extract(ignore_progress)
    made = (tmp_path / "made").read_text(encoding="utf-8").split()
    assert len(set(made)) == len(made) <= len(client.nthreads())


def found_by(crew: Crew, stack: Path, folder: Path) -> tuple[Findings, dict[str, np.ndarray[Any, Any]]]:
    """Everything that can be found, and the results as they are written."""
    folder.mkdir()
    work = work_on(open_image(stack), folder / "store.zarr", crew, stack.parent)
    recipe = Recipe(
        reference=work.look_up(CLICKS, ignore_progress),
        segmentation=SegmentationSettings(threshold=0.6),
        results=("mask", "instances", "similarity", "detections"),
    )
    found = find(work, recipe, folder, ignore_progress)
    names = {"mask": "mask.tif", "instances": "objects.tif", "similarity": "map.zarr"}
    images = {kind: open_image(found.writers[kind](folder / name)) for kind, name in names.items()}  # type: ignore[index]
    found.writers["detections"](folder / "detections.csv")
    return found, {kind: image.read(image.extent) for kind, image in images.items()}


def test_maps_masks_objects_and_detections_are_those_of_one_process(
    client: Client, stack: Path, tmp_path: Path
) -> None:
    mine, drawn = found_by(ALONE, stack, tmp_path / "alone")
    theirs, same = found_by(Cluster(client, noted), stack, tmp_path / "many")
    assert mine.objects["square"] >= 2
    assert (theirs.objects, theirs.detections) == (mine.objects, mine.detections)
    for kind, values in drawn.items():
        np.testing.assert_array_equal(same[kind], values, err_msg=kind)
        assert np.unique(values).size > 1
    detections = [(tmp_path / name / "detections.csv").read_bytes() for name in ("alone", "many")]
    assert detections[0] == detections[1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_worker_that_is_killed_changes_nothing(client: Client, stack: Path, tmp_path: Path) -> None:
    def kill() -> None:
        wait_for((tmp_path / "victim").exists)
        os.kill(int((tmp_path / "victim").read_text(encoding="utf-8")), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    image = open_image(stack)
    work_on(image, tmp_path / "many.zarr", Cluster(client, victim)).extract(ignore_progress)
    killer.join()
    assert files_of(tmp_path / "many.zarr") == alone(image, tmp_path)
    wait_for(lambda: len(client.nthreads()) == 2)  # it was replaced
    work_on(image, tmp_path / "again.zarr", Cluster(client, noted)).extract(ignore_progress)
    assert files_of(tmp_path / "again.zarr") == alone(image, tmp_path)


def test_cancelling_ends_the_work_after_the_tiles_at_hand(client: Client, tmp_path: Path) -> None:
    image = phantom((4, 160, 320), seed=0).image

    def stop(progress: Progress) -> None:
        if progress.done:
            raise Cancelled("enough")

    work = work_on(image, tmp_path / "many.zarr", Cluster(client, gated))
    assert work.store.manifest.tiles.shape[2] == FREE  # a row of tiles, and then every worker waits
    with pytest.raises(Cancelled, match="enough"):
        work.extract(stop)
    (tmp_path / "go").touch()
    wait_for(partial(is_idle, client))
    wait_for(lambda: not any(client.run(tasks_at_hand).values()))
    work.store.refresh()
    assert FREE <= work.store.tiles_done < 2 * 2 * FREE  # neither worker finished its second row
    work.extract(ignore_progress)
    assert files_of(tmp_path / "many.zarr") == alone(image, tmp_path)


def test_errors_of_workers_arrive_as_what_they_are(client: Client, stack: Path, tmp_path: Path) -> None:
    image = open_image(stack)
    with pytest.raises(StoreMismatchError, match="of the weights fake"):
        work_on(image, tmp_path / "many.zarr", Cluster(client, other_weights)).extract(ignore_progress)
    stack.rename(tmp_path / "elsewhere.tif")
    with pytest.raises(ImageReadError, match=r"stack\.tif"):
        work_on(image, tmp_path / "many.zarr", Cluster(client, noted)).extract(ignore_progress)
    wait_for(partial(is_idle, client))


def test_workers_say_that_they_do_not_see_the_store(client: Client, stack: Path, tmp_path: Path) -> None:
    work = work_on(open_image(stack), tmp_path / "many.zarr", Cluster(client, noted))

    def hide(progress: Progress) -> None:
        (tmp_path / "many.zarr").rename(tmp_path / "elsewhere.zarr")

    with pytest.raises(StoreError, match=r"does not see .*many\.zarr: keep features on a disk that all workers share"):
        work.extract(hide)


def test_a_store_that_is_another_one_at_the_workers_is_noticed(client: Client, stack: Path, tmp_path: Path) -> None:
    work = work_on(open_image(stack), tmp_path / "many.zarr", Cluster(client, noted))

    def swap(progress: Progress) -> None:  # as if every machine had its own disk under this path
        if progress.done == progress.total:
            (tmp_path / "many.zarr").rename(tmp_path / "theirs.zarr")
            work_on(open_image(stack), tmp_path / "many.zarr")

    with pytest.raises(StoreError, match=r"tiles are not in .*: it is not on a disk that all workers share"):
        work.extract(swap)


def test_a_small_image_in_memory_travels_and_a_large_one_is_refused(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(0).random((100, 200), dtype=np.float32)
    image = open_image(pixels, name="mine")
    work_on(image, tmp_path / "many.zarr", Cluster(client, noted)).extract(ignore_progress)
    assert files_of(tmp_path / "many.zarr") == alone(image, tmp_path)
    monkeypatch.setattr("dinoscope.distributed._travel._LARGEST_BYTES", pixels.nbytes - 1)
    with pytest.raises(ClusterError, match=r"image 'mine' is in memory, .* save it where all workers can read it"):
        work_on(image, tmp_path / "other.zarr", Cluster(client, noted)).extract(ignore_progress)


def test_other_processes_fill_no_array_in_memory(client: Client, stack: Path, tmp_path: Path) -> None:
    work = work_on(open_image(stack), tmp_path / "many.zarr")
    reference = work.look_up(CLICKS, ignore_progress)
    work.extract(ignore_progress)
    for out in (None, scratch_array(tmp_path, (2, *work.store.grid.shape), "float32")):
        with pytest.raises(ClusterError, match="cannot fill an array in memory"):
            compare(work.store, reference, SimilaritySettings(), out, each=Cluster(client, noted).each)


def double(number: int) -> int:
    """Runs in a worker."""
    if number < 0:
        raise ValueError(f"{number} is negative")
    time.sleep(0.002 * (number % 3))
    return 2 * number


def test_results_come_in_order_and_progress_with_them(client: Client) -> None:
    told: list[Progress] = []
    results = Cluster(client).each(double, range(50), "doubles", told.append)
    assert list(results) == [2 * number for number in range(50)]
    assert [(step.stage, step.done, step.total) for step in told] == [("doubles", n, 50) for n in range(1, 51)]
    assert list(Cluster(client).each(double, [], "doubles", told.append)) == []


def test_only_a_few_units_are_handed_out_ahead(client: Client) -> None:
    taken: list[int] = []

    class Units(list[int]):
        def __iter__(self) -> Iterator[int]:
            for number in super().__iter__():
                taken.append(number)
                yield number

    results = Cluster(client).each(double, Units(range(1000)), "doubles", ignore_progress)
    assert [next(results) for _ in range(5)] == [0, 2, 4, 6, 8]
    assert len(taken) < 50
    del results
    wait_for(partial(is_idle, client))


def test_errors_that_are_not_ours_arrive_too(client: Client) -> None:
    with pytest.raises(ValueError, match="-1 is negative"):
        list(Cluster(client).each(double, [1, -1, 2], "doubles", ignore_progress))
