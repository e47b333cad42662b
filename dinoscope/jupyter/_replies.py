"""The way that messages of the browser take in the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ipywidgets as widgets


def take_replies_as_sent(made: widgets.Widget) -> None:
    """Take what the browser says to a widget, and to all that is in it, in the subshell that the browser names.

    ipykernel 7.4 overrules the browser: a message goes to the subshell under which the kernel last published on its
    comm. That may be gone, as when a notebook was closed and opened again, and the message is lost for good. The one
    that the browser names is there, and takes messages while a cell computes. Other kernels do as they are told anyway.
    """
    if hasattr(made.comm, "_reply_subshell_for"):
        made.comm._reply_subshell_for = lambda _, named: named
    for part in getattr(made, "children", ()):
        take_replies_as_sent(part)
