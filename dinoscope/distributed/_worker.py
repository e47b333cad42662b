"""What goes on in a worker. A step is told to every worker once, also to those that come later, and then only called.

Design notes
------------
- Steps are handed out as a plugin of dask's workers, not as data of dask: data are lost with the worker that has them,
  and tasks would crowd where they are.
- Nothing here outlives a step but the encoder, which is loaded once per process.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import dask
from distributed import WorkerPlugin, get_worker

from dinoscope.encoders import in_precision
from dinoscope.errors import Cancelled
from dinoscope.features import extract_features

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Worker

    from dinoscope.distributed._travel import Packed
    from dinoscope.encoders import Encoder
    from dinoscope.features import FeatureStore
    from dinoscope.geometry import Region
    from dinoscope.image import Image
    from dinoscope.jobs import Progress

    MakeEncoder = Callable[[str, str, int], Encoder]

_told: dict[str, Packed] = {}
_steps: dict[str, Callable[[Any], Any]] = {}
_lock = Lock()


class Telling(WorkerPlugin):
    """Tells a worker of a step, under a name."""

    def __init__(self, name: str, step: Packed) -> None:
        self.name = name
        self._step = step

    def setup(self, worker: Worker) -> None:
        """Remember the step. It is unpacked when it is called, so that its errors reach whoever waits for it."""
        _told[self.name] = self._step

    def teardown(self, worker: Worker) -> None:
        """Forget it."""
        _told.pop(self.name, None)
        _steps.pop(self.name, None)


def call(name: str, unit: Any) -> Any:
    """Do a step that this worker was told of."""
    with _lock:
        if name not in _steps:
            _steps[name] = _told[name].unpack()
    with dask.config.set(scheduler="synchronous"):  # images that are dask arrays are read here, not by other workers
        return _steps[name](unit)


@dataclass(frozen=True, slots=True, eq=False)
class Extraction:
    """Computes the features that a store lacks in a region of patches.

    Attributes
    ----------
    image, store
        As in `extract_features`.
    make_encoder, order
        Makes the encoder from its name, device and passes.
    batch_size
        Tiles encoded at once.
    """

    image: Image
    store: FeatureStore
    make_encoder: MakeEncoder
    order: tuple[str, str, int]
    batch_size: int

    def __call__(self, region: Region) -> list[tuple[int, int, int]]:
        """Compute them; the indices of the tiles that were found blank."""
        encoder = in_precision(_encoder(self.make_encoder, self.order), self.store.manifest.encoder.precision)
        extract_features(self.image, encoder, self.store, region, self.batch_size, _stop_if_unwanted)
        self.store.refresh()
        self.store.tidy()  # the last of those who share a file of the store packs it
        return self.store.blanks.among(self.store.manifest.tiles.touching(region))


_encoders: dict[tuple[MakeEncoder, tuple[str, str, int]], Encoder] = {}


def _encoder(make: MakeEncoder, order: tuple[str, str, int]) -> Encoder:
    """The encoder of this process; another one takes its place."""
    with _lock:
        if (make, order) not in _encoders:
            _encoders.clear()
            _encoders[make, order] = make(*order)
        return _encoders[make, order]


def _stop_if_unwanted(progress: Progress) -> None:
    """End a task after the tile it is at once nobody waits for it any more."""
    worker = get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    if task is None or task.state == "cancelled":
        raise Cancelled("nobody waits for these features any more; finished tiles are kept")
