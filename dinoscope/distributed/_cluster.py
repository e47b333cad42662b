"""A crew of dask workers."""

from __future__ import annotations

import uuid
from collections import deque
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dinoscope.encoders import CATALOGUE, create_encoder
from dinoscope.errors import ClusterError, StoreError
from dinoscope.jobs import Progress
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from distributed import Client, Future
    from numpy.typing import DTypeLike

    from dinoscope.batch import Work
    from dinoscope.distributed._worker import MakeEncoder
    from dinoscope.features import FeatureStore
    from dinoscope.geometry import Region
    from dinoscope.jobs import ProgressCallback
    from dinoscope.settings import EncoderSettings
    from dinoscope.similarity import WritableArray

T = TypeVar("T")
U = TypeVar("U")

_AHEAD = 3
"""Units per thread of the cluster that are handed out at a time, so that nobody waits for this process."""

_AT_LEAST = 8
"""Units handed out at a time, also to a cluster whose workers have not come yet."""


@dataclass(frozen=True, slots=True, eq=False)
class Cluster:
    """Workers of dask as a crew, see `dinoscope.batch.Crew`.

    They read the image and read and write features and results by themselves, so all of these must be on a disk that
    they share. A worker that dies is replaced by dask, and what it was doing is done again: results stay the same.

    Attributes
    ----------
    client
        Connected to the scheduler.
    make_encoder
        Makes an encoder from its name, device and passes; a function that workers can import. Every worker calls it
        once.
    """

    client: Client
    make_encoder: MakeEncoder = create_encoder

    def extract(self, work: Work, progress: ProgressCallback, region: Region | None = None) -> None:
        """Compute the features that a store lacks.

        Parameters
        ----------
        work
            The image, the store, and the encoder that workers are to make.
        progress
            Called with the stage ``"features"`` and counts in tiles. If it raises `Cancelled`, workers stop after the
            tile they are at.
        region
            Patches (z, gy, gx) that are needed; everything by default.

        Raises
        ------
        StoreError
            If workers do not see the store, or a disk refuses.
        ClusterError
            If the workers cannot be reached or die again and again, or the image cannot be sent to them.
        DinoscopeError
            Whatever else `extract_features` raises.
        """
        from dinoscope.distributed._travel import check_travels
        from dinoscope.distributed._worker import Extraction

        check_travels(work.image)
        store, settings = work.store, work.stages.encoder
        step = Extraction(work.image, store, self.make_encoder, _order(settings), settings.batch_size)
        planned = len(store.manifest.tiles.touching(region or store.grid.extent))
        store.refresh()
        left = len(store.pending(region))
        progress(Progress("features", planned - left, planned))
        units = self._units(store, region, settings.batch_size)
        first = units[:1] if not store.is_fitted else []  # it decides how the others are kept
        for part in (first, units[len(first) :]):
            with closing(self._results(step, part)) as results:
                for unit, blank in zip(part, results, strict=True):
                    store.blanks.found.update(blank)
                    left -= len(store.pending(unit))
                    progress(Progress("features", planned - left, planned))
        self._check_all_there(store, region)

    def each(self, step: Callable[[U], T], units: Sequence[U], stage: str, progress: ProgressCallback) -> Iterator[T]:
        """Do a step on many units, some ahead of the one whose result is asked for; see `dinoscope.jobs.Mapper`."""
        for done, result in enumerate(self._results(step, units), start=1):
            progress(Progress(stage, done, len(units)))
            yield result

    def scratch(self, folder: Path, shape: tuple[int, ...], dtype: DTypeLike, side: int) -> WritableArray:
        """Zeros on disk, in blocks of one plane each of `side` in y and x."""
        from dinoscope.outputs import scratch_array

        return scratch_array(folder, shape, dtype, side, in_memory=0)

    def _units(self, store: FeatureStore, region: Region | None, batch_size: int) -> list[Region]:
        """Regions of patches with something to do: files of the store, the last in rows of tiles, the last in batches.

        Whoever fills a whole file has it in memory when it is packed; small units let all workers end at the same time.
        """
        wanted, core, room = region or store.grid.extent, store.manifest.tiles.core, self._room()
        units = [shard.intersect(wanted) for shard in store.shards(region)]
        for shape, tail in (((1, core, store.grid.shape[2]), room), ((1, core, core * batch_size), room // 2)):
            units = [unit for unit in units if store.pending(unit)]
            many = max(0, len(units) - tail)
            units = units[:many] + [part for unit in units[many:] for part in blocks(unit, shape)]
        return [unit for unit in units if store.pending(unit)]

    def _check_all_there(self, store: FeatureStore, region: Region | None) -> None:
        store.refresh()
        store.tidy()
        missing = len(store.pending(region))
        if missing:
            raise StoreError(
                f"workers are done, but {missing} tiles are not in {store.location}: it is not on a disk that all "
                "workers share. Choose another place for the features"
            )

    def _room(self) -> int:
        """How many units may be under way."""
        threads: dict[str, int] = self.client.nthreads()
        return max(_AT_LEAST, _AHEAD * sum(threads.values()))

    def _results(self, step: Callable[[U], T], units: Sequence[U]) -> Generator[T]:
        """Results in the order of the units; what is under way is called off when nobody wants them any more."""
        from dinoscope.distributed._worker import call

        waiting, under_way = iter(units), deque[Any]()
        with self._told(step) as name:
            try:
                while True:
                    for unit in islice(waiting, self._room() - len(under_way)):
                        under_way.append(self.client.submit(call, name, unit, pure=False))
                    if not under_way:
                        return
                    result = _answer(under_way[0])
                    under_way.popleft()
                    yield result
            finally:
                if under_way:
                    self.client.cancel(list(under_way))

    @contextmanager
    def _told(self, step: object) -> Iterator[str]:
        """All workers know a step, under this name."""
        from dinoscope.distributed._travel import Packed
        from dinoscope.distributed._worker import Telling

        name = f"dinoscope-{uuid.uuid4().hex}"
        packed = Packed.of(step)
        with _explained():
            self.client.register_plugin(Telling(name, packed))
        try:
            yield name
        finally:
            if self.client.status == "running":
                self.client.unregister_worker_plugin(name)


def _order(settings: EncoderSettings) -> tuple[str, str, int]:
    """What workers make of the settings; they may run in another folder."""
    name, path = settings.encoder, Path(settings.encoder).expanduser()
    if name not in CATALOGUE and path.exists():
        name = str(path.resolve())
    return name, settings.device, settings.passes


def _answer(future: Future[Any]) -> Any:
    with _explained():
        return future.result()


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what dask says about its workers into our errors; those of the steps stay what they are.

    Raises
    ------
    ClusterError
        If workers die again and again, do not know dinoscope, or cannot be reached any more.
    """
    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError
    from distributed.scheduler import KilledWorker

    try:
        yield
    except KilledWorker as error:
        raise ClusterError(
            f"{error.allowed_failures + 1} workers died one after the other at the same piece of work, perhaps because "
            "it needs more memory than they have: give each more memory, or use smaller tiles or batches. What was "
            "finished is kept"
        ) from error
    except ModuleNotFoundError as error:
        raise ClusterError(
            f"the workers lack a package ({error}): start them in an environment with the same dinoscope as here"
        ) from error
    except (FutureCancelledError, CommClosedError) as error:
        raise ClusterError(
            f"the scheduler of the workers is gone ({error}): start the cluster again. What was finished is kept"
        ) from error
