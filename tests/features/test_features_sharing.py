"""Several processes, or threads, on one store."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

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


class Turns:
    """Whose turn it is to compute a tile and keep it, so that nobody is faster than another, whatever the machine does.

    Parameters
    ----------
    players
        How many take part.
    """

    def __init__(self, players: int) -> None:
        self._players = list(range(players))
        self._changed = threading.Condition()

    def next(self, player: int) -> None:
        """End one's turn, if it is, and wait for the next."""
        with self._changed:
            if self._players[0] == player:
                self._players.append(self._players.pop(0))
                self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._players[0] == player, timeout=60)

    def leave(self, player: int) -> None:
        """Take part no more."""
        with self._changed:
            self._players.remove(player)
            self._changed.notify_all()


class Player(FakeEncoder):
    """Computes a tile when it has its turn."""

    def __init__(self, turns: Turns, number: int) -> None:
        super().__init__(tile=24, halo=4)
        self._turns, self._number = turns, number

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        self._turns.next(self._number)
        return super().encode(pixels)


@pytest.mark.parametrize("players", [2, 4])
def test_those_who_fill_one_store_share_the_work(tmp_path: Path, players: int) -> None:
    image, turns = noise(), Turns(players)
    encoders = [Player(turns, number) for number in range(players)]
    FeatureStore.create(tmp_path / "s.zarr", plan(image, encoders[0]))

    def fill(number: int) -> None:
        extract_features(image, encoders[number], FeatureStore.open(tmp_path / "s.zarr"))
        turns.leave(number)

    with ThreadPoolExecutor(players) as pool:
        list(pool.map(fill, range(players)))
    shares = [encoder.encoded_tiles for encoder in encoders]
    assert 220 <= sum(shares) <= 300  # few are computed twice; without sharing all would be, by every player
    assert min(shares) > 220 // (2 * players)
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
