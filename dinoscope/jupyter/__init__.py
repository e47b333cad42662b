"""The notebook panel: a deep-zoom viewer to click in, and its controls.

Needs the packages of ``pip install 'dinoscope[jupyter]'``. Works where notebooks show widgets: no server extension, no
open port; everything goes over the comm of the widget.
"""

from dinoscope.errors import MissingDependencyError

try:
    import anywidget  # noqa: F401
    import ipywidgets  # noqa: F401
except ImportError as error:
    raise MissingDependencyError("the notebook panel needs ipywidgets: pip install 'dinoscope[jupyter]'") from error

from dinoscope.jupyter._panel import Panel, new_session, show

__all__ = ["Panel", "new_session", "show"]
