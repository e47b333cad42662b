"""From settings to the crew that does the work."""

from __future__ import annotations

import json
import logging
import signal
import sys
import warnings
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinoscope.batch import ALONE
from dinoscope.distributed._cluster import Cluster
from dinoscope.errors import ClusterError, MissingDependencyError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client

    from dinoscope.batch import Crew
    from dinoscope.settings import ClusterSettings

_TIMEOUT_S = 30

_QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
}
"""How workers of this machine watch themselves: by default that takes a tenth of a core, and nobody looks at it."""

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1)
"""Environment of workers. By default dask also gives memory back at once, and a network asks for it again and again."""


class NoWorkersWarning(UserWarning):
    """A cluster has no workers yet."""


@contextmanager
def connect(settings: ClusterSettings) -> Iterator[Crew]:
    """Whoever is to do the work, for as long as the context lasts.

    Parameters
    ----------
    settings
        Without workers and without a cluster, this process works alone.

    Yields
    ------
    What `dinoscope.batch.Work` takes as its crew. Workers of this machine end with the context; those of a cluster
    stay.

    Raises
    ------
    SettingsError
        If both workers and a cluster are asked for.
    MissingDependencyError
        If dask.distributed is not installed.
    ClusterError
        If no scheduler answers at the address, or the workers of this machine do not start.

    Warns
    -----
    NoWorkersWarning
        If the cluster has no workers yet.

    Examples
    --------
    ::

        with connect(ClusterSettings(workers=4)) as crew:
            Work.open(image, encoder, Stages(), None, crew).extract(progress)
    """
    if settings.workers is not None and settings.cluster is not None:
        raise SettingsError(
            f"both {settings.workers} workers here and the cluster {settings.cluster} are asked for: choose one of them"
        )
    if settings.workers is None and settings.cluster is None:
        yield ALONE
        return
    _require_distributed()
    with ExitStack() as opened:
        if settings.workers is not None:
            scheduler = opened.enter_context(_workers_here(settings.workers)).scheduler_address
        else:
            scheduler = _address(settings.cluster or "")
        yield Cluster(opened.enter_context(_client(scheduler)))


def _require_distributed() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "a cluster needs dask.distributed: pip install 'dinoscope[distributed]'"
        ) from error


def _workers_here(workers: int) -> Any:
    """Processes of one thread each, which their nannies replace when they die. The machine's memory is shared out."""
    import dask
    from distributed import LocalCluster

    try:
        with _deaf(), dask.config.set({**_QUIET, "distributed.nanny.pre-spawn-environ": _ONE_THREAD}):
            return LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",  # any free port, and for this machine only
                silence_logs=logging.CRITICAL,
            )
    except (OSError, RuntimeError) as error:
        raise ClusterError(
            f"{workers} workers cannot be started on this machine ({error}): ask for fewer; and a script that starts "
            'workers does so below `if __name__ == "__main__":`'
        ) from error


@contextmanager
def _deaf() -> Iterator[None]:
    """Threads and processes begun in this context, and all that they begin, do not hear a Ctrl-C: this process does.

    A terminal sends it to all of them, and workers that end by themselves would be replaced.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # when it starts, it lets its thread hear again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _client(scheduler: str) -> Client:
    """A connection that nothing but this work uses."""
    from distributed import Client

    try:
        client = Client(scheduler, timeout=_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:  # a timeout is an OSError
        raise ClusterError(
            f"no scheduler answers at {scheduler} ({error}): start one with `dask scheduler`, and check the address"
        ) from error
    if not client.nthreads():
        warnings.warn(
            "the cluster has no workers yet: the work begins when the first one has come",
            NoWorkersWarning,
            stacklevel=2,
        )
    return client


def _address(cluster: str) -> str:
    """The address of a scheduler, as it is told or as the scheduler wrote it to its file."""
    if "://" in cluster:
        return cluster
    try:
        return str(json.loads(Path(cluster).expanduser().read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClusterError(
            f"{cluster} is neither an address such as tcp://HOST:8786 nor the file of a running scheduler ({error}): "
            f"start one with `dask scheduler --scheduler-file {cluster}`"
        ) from error
