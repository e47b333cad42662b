"""Several processes, or threads, on one store."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.features import FeatureStore, extract_features
from dinoscope.testing import FakeEncoder
from tests.features.stores import all_features, chunks, full_store, noise, plan, small_tiles

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Slow(FakeEncoder):
    """Takes its time, so that others meet it."""

    def __init__(self) -> None:
        super().__init__(tile=24, halo=4)

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        time.sleep(0.02)
        return super().encode(pixels)


def test_two_that_fill_one_store_share_the_work(tmp_path: Path) -> None:
    image, encoders = noise(), (Slow(), Slow())
    manifest = plan(image, encoders[0])
    FeatureStore.create(tmp_path / "s.zarr", manifest)

    def fill(encoder: Slow) -> None:
        extract_features(image, encoder, FeatureStore.open(tmp_path / "s.zarr"))

    threads = [threading.Thread(target=fill, args=(encoder,)) for encoder in encoders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shares = [encoder.encoded_tiles for encoder in encoders]
    assert 220 <= sum(shares) <= 330  # some are computed twice; without sharing it would be 440
    assert min(shares) > 50
    expected = full_store(tmp_path / "alone.zarr", image, small_tiles())
    store = FeatureStore.open(tmp_path / "s.zarr")
    np.testing.assert_array_equal(all_features(store), all_features(expected))
    assert len(chunks(store.path)) == 8


FILL = """
import sys
sys.path.insert(0, {root!r})
from tests.features.stores import noise, plan
from tests.features.test_features_sharing import Slow
from dinoscope.features import FeatureStore, extract_features
image, encoder = noise(), Slow()
store = FeatureStore.open_or_create({path!r}, plan(image, encoder))
extract_features(image, encoder, store)
print(encoder.encoded_tiles)
"""


def test_two_processes_that_begin_together_end_with_the_right_store(tmp_path: Path) -> None:
    root = str(__file__).rsplit("tests", 1)[0]
    script = FILL.format(root=root, path=str(tmp_path / "s.zarr"))
    processes = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(map(int, said)) >= 220
    store = FeatureStore.open(tmp_path / "s.zarr")
    assert not store.pending()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.zarr"]
    expected = full_store(tmp_path / "alone.zarr", noise(), small_tiles())
    np.testing.assert_array_equal(all_features(store), all_features(expected))


def test_who_reads_sees_what_others_compute_and_pack(tmp_path: Path) -> None:
    image, encoder = noise(), small_tiles()
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder))
    shard = store.shards()[0]
    tiles = store.pending(shard)
    extract_features(image, encoder, store, tiles[0].write)
    reader = FeatureStore.open(store.path)
    before = reader.read(tiles[0].write)
    extract_features(image, encoder, store, shard)  # packs, and deletes the file that the reader knows
    np.testing.assert_array_equal(reader.read(tiles[0].write), before)
    assert reader.holds(tiles[5])
    reader.refresh()
    assert not reader.pending(shard)
