"""Tiles for the views that ask for them, drawn in threads of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from dinoscope.canvas import Place
from dinoscope.errors import Cancelled, NotReadyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dinoscope.canvas import Canvas, Encoded
    from dinoscope.jupyter._messages import TileRequest

_THREADS = 2
"""One reads while the other draws."""


class Reply(Protocol):
    """Sends a message with binary parts to the browser. May be called from any thread."""

    def __call__(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Send."""


class TileDesk:
    """Answers requests for tiles, in the order they came, while they are wanted.

    Parameters
    ----------
    canvas
        What is drawn.
    reply
        Where the answers go.
    """

    def __init__(self, canvas: Canvas, reply: Reply) -> None:
        self._canvas, self._reply = canvas, reply
        self._pool = ThreadPoolExecutor(_THREADS, "dinoscope tiles")  # which does not give way: people wait for it
        self._wanted: set[tuple[str, int]] = set()
        self._lock = Lock()

    def ask(self, request: TileRequest) -> None:
        """Draw a tile soon. From any thread."""
        with self._lock:
            self._wanted.add((request.view, request.id))
        self._pool.submit(self._serve, request)

    def abort(self, view: str, ids: Iterable[int]) -> None:
        """Draw these no more, if they are not done. From any thread."""
        with self._lock:
            self._wanted.difference_update((view, number) for number in ids)

    def forget(self, view: str) -> None:
        """Draw nothing more for a view."""
        with self._lock:
            self._wanted = {key for key in self._wanted if key[0] != view}

    def close(self) -> None:
        """Draw nothing more."""
        with self._lock:
            self._wanted.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _serve(self, request: TileRequest) -> None:
        key = request.view, request.id
        address = {"view": request.view, "id": request.id}
        try:
            tile = self._drawn(request)
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the view must not wait for ever
            self._reply({"type": "refused", **address, "reason": str(error) or type(error).__name__})
        else:
            self._reply({"type": "tile", **address, "mime": tile.mime}, [tile.data])
        finally:
            with self._lock:
                self._wanted.discard(key)

    def _drawn(self, request: TileRequest) -> Encoded:
        key = request.view, request.id
        if key not in self._wanted:
            raise Cancelled("nobody wants this tile any more")
        if (request.layer, request.version) not in {(layer.name, layer.version) for layer in self._canvas.layers}:
            raise NotReadyError(f"the layer {request.layer!r} has changed, or is not shown any more")
        place = Place(request.section, request.level, request.row, request.column)
        return self._canvas.draw(request.layer, place, lambda: key in self._wanted)
