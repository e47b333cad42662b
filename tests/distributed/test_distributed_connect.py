"""Who does the work, by settings and by flags."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import distributed
import numpy as np
import pytest
import tifffile

from dinoscope.batch import ALONE
from dinoscope.cli import REFUSED
from dinoscope.distributed import Cluster, NoWorkersWarning, connect
from dinoscope.distributed._cluster import _explained
from dinoscope.errors import ClusterError, MissingDependencyError, SettingsError
from dinoscope.features import FeatureStore
from dinoscope.samples import phantom
from dinoscope.settings import ClusterSettings
from tests.commands import refuse, run
from tests.worker_encoders import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path


def torch_threads() -> int:
    """Runs in a worker."""
    import torch

    return torch.get_num_threads()


def test_without_settings_this_process_works_alone() -> None:
    with connect(ClusterSettings()) as crew:
        assert crew is ALONE


def test_workers_of_this_machine_have_a_thread_each_and_end_with_the_context() -> None:
    with connect(ClusterSettings(workers=2)) as crew:
        assert isinstance(crew, Cluster)
        assert list(crew.client.nthreads().values()) == [1, 1]
        assert list(crew.client.run(torch_threads).values()) == [1, 1]
        with pytest.raises(ValueError, match="No clients found"):
            distributed.default_client()  # dask arrays of whoever calls are no business of these workers
        address = crew.client.scheduler_info()["address"]
    with pytest.raises(OSError, match="Timed out"):
        distributed.Client(address, timeout=0.5)


def test_workers_here_and_a_cluster_exclude_each_other() -> None:
    with (
        pytest.raises(SettingsError, match="both 2 workers here and the cluster tcp://a:1 are asked for"),
        connect(ClusterSettings(workers=2, cluster="tcp://a:1")),
    ):
        pass


@pytest.mark.parametrize("settings", [ClusterSettings(workers=1), ClusterSettings(cluster="tcp://a:1")])
def test_a_missing_package_is_named(settings: ClusterSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'dinoscope\[distributed\]'"), connect(settings):
        pass


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("dinoscope.distributed._connect._TIMEOUT_S", 0.5)
    with (
        pytest.raises(ClusterError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9 "),
        connect(ClusterSettings(cluster="tcp://127.0.0.1:9")),
    ):
        pass
    (tmp_path / "bad.json").write_text('{"id": 1}', encoding="utf-8")
    for name in ("none.json", "bad.json"):
        with (
            pytest.raises(ClusterError, match=r"neither an address .* nor the file of a running scheduler"),
            connect(ClusterSettings(cluster=str(tmp_path / name))),
        ):
            pass


def test_a_cluster_without_workers_is_a_warning() -> None:
    with (
        distributed.LocalCluster(n_workers=0, processes=True, dashboard_address=":0") as cluster,
        pytest.warns(NoWorkersWarning, match="no workers yet"),
        connect(ClusterSettings(cluster=cluster.scheduler_address)),
    ):
        pass


def test_what_dask_says_of_its_workers_is_explained() -> None:
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    with pytest.raises(ClusterError, match=r"4 workers died one after the other .* more memory"), _explained():
        raise KilledWorker("task", None, 3)  # type: ignore[arg-type]
    with pytest.raises(ClusterError, match=r"lack a package \(No module named 'dinoscope'\)"), _explained():
        raise ModuleNotFoundError("No module named 'dinoscope'")
    with pytest.raises(ClusterError, match="scheduler of the workers is gone"), _explained():
        raise FutureCancelledError("task", "scheduler-connection-lost")


@pytest.mark.slow
def test_commands_take_workers_or_a_running_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = np.random.default_rng(0).random((300, 400), dtype=np.float32)
    pixels[40:80, 40:80] += 1
    tifffile.imwrite(tmp_path / "image.tif", pixels)
    (tmp_path / "clicks.csv").write_text("index,axis-0,axis-1\n0,60,60\n", encoding="utf-8")
    image, tile = tmp_path / "image.tif", ("--tile", 128, "--halo", 32)
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        (tmp_path / "scheduler.json").write_text(json.dumps({"address": cluster.scheduler_address}), encoding="utf-8")
        ways = {"alone": (), "here": ("--workers", 1), "file": ("--cluster", tmp_path / "scheduler.json")}
        found = {}
        for name, flags in ways.items():
            features = tmp_path / f"{name}.zarr"
            words = (image, "--prompts", tmp_path / "clicks.csv", "--features", features, *tile, *flags)
            run(capsys, "extract", image, "-o", features, *tile, *flags)
            run(capsys, "segment", *words, "-o", tmp_path / f"{name}.tif")
            run(capsys, "detect", *words, "-o", tmp_path / f"{name}.csv")
            shards = [path.read_bytes() for path in sorted((features / "features").iterdir())]
            mask = tifffile.imread(tmp_path / f"{name}.tif").tobytes()
            found[name] = [*shards, mask, (tmp_path / f"{name}.csv").read_bytes()]
    assert found["here"] == found["file"] == found["alone"]
    assert "--workers 0" in refuse(capsys, "extract", image, "--workers", 0)


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups to signal")
def test_an_interrupt_in_the_terminal_ends_workers_without_a_word(tmp_path: Path) -> None:
    sample = phantom((3, 1024, 1024), seed=0).image
    tifffile.imwrite(tmp_path / "image.tif", sample.read(sample.extent), metadata={"axes": "ZYX"}, ome=True)
    words = ["extract", "image.tif", "-o", "store.zarr", "--tile", "128", "--halo", "32", "--workers", "2"]
    command = [sys.executable, "-m", "dinoscope", *words]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not any(tmp_path.glob("store.zarr/*/c.*")):
        assert process.poll() is None, "the work ended before it could be disturbed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it, too
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == REFUSED
    assert said == "dinoscope: stopped. Finished tiles are kept; the same command goes on from there.\n"
    assert FeatureStore.open(tmp_path / "store.zarr").pending()
    until = time.monotonic() + PATIENCE
    while is_alive(process.pid):
        assert time.monotonic() < until, "workers are left"
        time.sleep(0.05)
