"""What the menus do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari import Viewer  # noqa: TC002 - napari reads the annotations to know what to pass
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from napari.qt.threading import thread_worker
from napari.utils.notifications import show_error, show_info

from dinoscope.measure import measure_objects
from dinoscope.napari._images import image_of
from dinoscope.napari._results import table_features
from dinoscope.napari._widget import DinoscopeWidget  # noqa: TC001 - like Viewer, read by napari's injection

if TYPE_CHECKING:
    from dinoscope.image import Image
    from dinoscope.measure import ObjectTable

_WIDGET = "dinoscope: segment by example"


def segment_by_example(viewer: Viewer) -> DinoscopeWidget:
    """Open the dock widget on the active image layer."""
    widget = _widget(viewer)
    layer = viewer.layers.selection.active
    if isinstance(layer, ImageLayer):
        widget.image_panel.choose(layer)
    return widget


def examples_from_labels(viewer: Viewer) -> None:
    """Use what is in view of the active Labels layer as examples; every label is a class."""
    layer = _active_labels(viewer)
    if layer is not None:
        _widget(viewer).example_panel.use_labels(layer)


def export_results(viewer: Viewer) -> None:
    """Write the results of the dock widget's image to a folder."""
    _widget(viewer).batch_panel.export()


def measure_labels(viewer: Viewer) -> Any:
    """Measure the objects of the active Labels layer into its features, in the background.

    The mean intensity is that of the topmost image of the same shape, if there is one.
    """
    layer = _active_labels(viewer)
    if layer is None:
        return None
    steps = viewer.dims.current_step
    greys = [x for x in viewer.layers if isinstance(x, ImageLayer) and not x.rgb and _shape(x) == _shape(layer)]
    worker = _measure(image_of(layer, steps), image_of(greys[-1], steps) if greys else None)
    worker.returned.connect(lambda table: _keep(layer, table))
    worker.errored.connect(lambda error: show_error(str(error)))
    worker.start()
    return worker


@thread_worker  # type: ignore[untyped-decorator]
def _measure(labels: Image, grey: Image | None) -> ObjectTable:
    return measure_objects(labels, grey)


def _keep(layer: Labels, table: ObjectTable) -> None:
    layer.features = table_features(table)
    show_info(f"{len(table)} objects measured: see Layers > Visualize > Features table.")


def _shape(layer: Layer) -> tuple[int, ...]:
    return tuple((layer.data[0] if layer.multiscale else layer.data).shape)


def _active_labels(viewer: Viewer) -> Labels | None:
    layer = viewer.layers.selection.active
    if isinstance(layer, Labels):
        return layer
    show_error("Select a Labels layer first.")
    return None


def _widget(viewer: Viewer) -> DinoscopeWidget:
    """The dock widget, opened unless it is there."""
    widget: DinoscopeWidget = viewer.window.add_plugin_dock_widget("dinoscope", _WIDGET)[1]
    return widget
