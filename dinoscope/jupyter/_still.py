"""A picture beside the panel: what a notebook shows that is read and not run."""

from __future__ import annotations

import asyncio
import base64
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.display import display, update_display

from dinoscope.canvas import still
from dinoscope.errors import DinoscopeError
from dinoscope.jobs import background_executor

if TYPE_CHECKING:
    from dinoscope.canvas import Canvas
    from dinoscope.jupyter._home import Home

_SIDE, _COLOURS = 512, 256
"""Pixels and colours of the picture: about 250 kB, and notebooks keep pictures as text."""

_NOTHING = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="
)
"""A picture of one transparent pixel."""

_REST_S = 2.0
"""Seconds without a change after which the picture is made anew: it goes to the browser, and into the notebook."""


class Still:
    """The current view of a canvas as an output of the cell. The live panel hides it, see ``panel.css``.

    Parameters
    ----------
    canvas
        What is shown.
    home
        The thread of the session.
    """

    def __init__(self, canvas: Canvas, home: Home) -> None:
        self._canvas, self._home = canvas, home
        self._id = ""
        self._pool = background_executor("dinoscope still")
        self._changes = 0
        self._is_closed = False
        canvas.changed.connect(self._changed)
        canvas.looked.connect(self._changed)

    def close(self) -> None:
        """Leave the picture as it is."""
        self._is_closed = True
        self._canvas.changed.disconnect(self._changed, missing_ok=True)
        self._canvas.looked.disconnect(self._changed, missing_ok=True)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def bundle(self) -> dict[str, Any]:
        """The picture by its kind; only words where there is nothing to show."""
        image = self._canvas.image
        text = {"text/plain": f"dinoscope: {image.name if image else 'no image'}"}
        try:
            return {"image/png": still(self._canvas, _SIDE, _COLOURS).data, **text}
        except DinoscopeError:
            return text  # no image, or one that cannot be read any more, which the viewer says

    def show(self) -> None:
        """Begin a new output, in which the picture will soon be: drawing it must not keep the panel waiting."""
        self._id = uuid.uuid4().hex
        display({"image/png": _NOTHING, "text/plain": "dinoscope"}, raw=True, display_id=self._id)
        self._changed()

    async def refresh(self) -> None:
        """Show the picture as it is now, if there is an output."""
        if self._id:
            self._publish(await asyncio.wrap_future(self._pool.submit(self.bundle)))

    def _publish(self, bundle: dict[str, Any]) -> None:
        update_display(bundle, raw=True, display_id=self._id)

    def _changed(self) -> None:
        self._changes += 1
        if self._id:
            self._home.later(_REST_S, partial(self._rested, self._changes))

    def _rested(self, changes: int) -> None:
        if changes == self._changes and not self._is_closed:
            self._pool.submit(self._draw)

    def _draw(self) -> None:
        bundle = self.bundle()
        self._home.post(lambda: self._publish(bundle))
