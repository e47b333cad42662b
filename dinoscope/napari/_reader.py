"""Files of ours as napari layers: features, references, masks and detections, each where it lies on its image."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import ImageReadError, SettingsError
from dinoscope.features import FeatureStore, feature_colours, is_feature_store
from dinoscope.geometry import Axis
from dinoscope.image import open_image
from dinoscope.napari._lazy import lazy
from dinoscope.outputs import Detections, read_detections_csv, sidecar_path
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


LayerData = tuple[Any, ...]
"""Data, the keyword arguments of the layer, and the layer's type: what napari makes a layer from."""

Read = Callable[[str], list[LayerData]]

_NO_LAYER: list[LayerData] = [(None,)]
"""What napari expects of a file that was understood and has no pixels."""

_DETECTION_COLUMNS = {"axis-0", "axis-1", "class", "score"}


def get_reader(path: str | list[str]) -> Read | None:
    """How to read a path, or None if it is not a file of ours. Reads a few lines of it at most.

    Parameters
    ----------
    path
        A feature store, a saved reference, an OME-Zarr label image, a mask or detections with their record, or such a
        record itself. Lists are declined: our files are no sections of a stack.
    """
    if isinstance(path, list):
        return None
    result = _result(path)
    if is_feature_store(result):
        return read_features
    match result.suffix.lower():
        case ".zarr":
            return read_labels if _label_metadata(result) else None
        case ".safetensors":
            return read_reference if _is_reference(result) else None
        case ".tif" | ".tiff":
            return read_labels if _record(result) else None
        case ".csv":
            return read_detections if _image_facts(result) and _header(result) >= _DETECTION_COLUMNS else None
        case ".geojson":
            return read_detections if _image_facts(result) else None
    return None


def read_features(path: str) -> list[LayerData]:
    """A feature store as a coloured image with one pixel per patch, transparent where features are missing."""
    from napari.utils.notifications import show_info

    store = FeatureStore.open(_result(path))
    manifest = store.manifest
    if store.pending():
        show_info(f"{store.tiles_done} of {len(manifest.tiles)} tiles have features: the others are transparent")
    pixels = _transparent(feature_colours(store))
    place = placed(manifest.patch_axes, manifest.patch_origin)
    name = f"{manifest.image.name} features"
    return [(pixels if manifest.image.stacked else pixels[0], {"name": name, "rgb": True, **place}, "image")]


def read_reference(path: str) -> list[LayerData]:
    """A reference has no pixels: say what is in it, and where to load it."""
    from napari.utils.notifications import show_info

    from dinoscope.reference import Reference

    found = Reference.load(_result(path))
    show_info(
        f"{Path(path).name} holds {len(found.vectors)} examples of {', '.join(found.classes)} for the encoder "
        f"{found.encoder.name}: load it in the dinoscope panel to find the same in another image"
    )
    return _NO_LAYER


def read_labels(path: str) -> list[LayerData]:
    """A label image, read as it is looked at; all levels if it has several."""
    result = _result(path)
    levels = max(1, len(_datasets(result)))
    images = [open_image(result, ImageSettings(level=level)) for level in range(levels)]
    classes = _class_names(result)
    more: dict[str, Any] = {"multiscale": levels > 1}
    if classes:
        more["features"] = {"index": range(len(classes) + 1), "class": ["background", *classes]}
        more["metadata"] = {"classes": classes}
    data = [lazy(image.data) for image in images]
    return [(data if levels > 1 else data[0], {"name": images[0].name, **placed(images[0].axes), **more}, "labels")]


def read_detections(path: str) -> list[LayerData]:
    """Detections as points of their sizes, with class and score as features."""
    result = _result(path)
    axes = _image_facts(result)
    found = read_detections_csv(result) if result.suffix.lower() == ".csv" else _read_geojson(result, axes)
    size = found.diameters / np.mean([axis.scale for axis in axes[-2:]])
    features = {"class": found.class_names, "score": found.scores, f"diameter_{_short(found.unit)}": found.diameters}
    look = {"size": size, "features": features, "symbol": "disc", "face_color": "transparent", "border_color": "yellow"}
    return [(found.centres, {"name": result.stem, **placed(axes), **look}, "points")]


def placed(axes: Sequence[Axis], origin: Sequence[float] | None = None) -> dict[str, Any]:
    """The keyword arguments that put a layer where its pixels lie.

    Parameters
    ----------
    axes
        The axes of the layer.
    origin
        Where the centre of its first pixel lies, in the units of the axes; at 0 by default.
    """
    return {
        "scale": [axis.scale for axis in axes],
        "translate": list(origin or [0.0] * len(axes)),
        "units": [axis.unit for axis in axes],
        "axis_labels": [axis.name for axis in axes],
    }


def is_label_folder(path: Path) -> bool:
    """Whether a folder is an OME-Zarr label image."""
    return bool(_label_metadata(path))


def _result(path: str) -> Path:
    """The result that a path or its record stands for."""
    return Path(path.removesuffix(".json"))


def _json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty if there is none."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _record(result: Path) -> dict[str, Any]:
    """What we wrote down about a result; empty if it is not ours."""
    record = _json(sidecar_path(result))
    return record if "dinoscope" in record and result.exists() else {}


def _label_metadata(folder: Path) -> dict[str, Any]:
    ome = _json(folder / "zarr.json").get("attributes", {}).get("ome", {})
    return ome if "image-label" in ome else {}


def _datasets(result: Path) -> list[Any]:
    metadata = _label_metadata(result)
    return metadata["multiscales"][0]["datasets"] if metadata else []


def _class_names(result: Path) -> list[str]:
    """Names of label 1, 2, ... of a mask; empty where the labels number objects."""
    metadata = _label_metadata(result)
    if metadata:
        return [label["class"] for label in metadata["image-label"].get("properties", []) if "class" in label]
    return list(_record(result).get("outcome", {}).get("classes", []))


def _is_reference(path: Path) -> bool:
    from safetensors import SafetensorError, safe_open

    from dinoscope.reference import FORMAT

    try:
        with safe_open(path, framework="numpy") as file:
            return FORMAT in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def _header(path: Path) -> set[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        return set(file.readline().strip().split(","))


def _image_facts(result: Path) -> tuple[Axis, ...]:
    """The axes z, y and x of the image a result was made from, as its record tells; empty without one."""
    record = _record(result)
    facts = record.get("features", record).get("image")
    if not isinstance(facts, dict):
        return ()
    sizes = zip("zyx", facts["voxels"], facts["voxel_size"], facts["units"], strict=True)
    return tuple(Axis(*axis) for axis in sizes if axis[0] in facts["axis_names"])


def _read_geojson(path: Path, axes: Sequence[Axis]) -> Detections:
    names = "".join(axis.name for axis in axes)
    try:
        points = json.loads(path.read_bytes())["features"]
        centres = [[p["properties"]["z"], *p["geometry"]["coordinates"][1::-1]][-len(axes) :] for p in points]
        told = [point["properties"] for point in points]
        return Detections(
            names,
            np.array(centres, np.float64).reshape(-1, len(axes)),
            np.array([point["score"] for point in told], np.float64),
            tuple(point["class"] for point in told),
            np.array([point["diameter"] for point in told], np.float64),
            axes[-1].unit,
            tuple(axis.scale for axis in axes),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError, SettingsError) as error:
        raise ImageReadError(
            f"{path} holds no detections ({error!r}): expected the GeoJSON points that dinoscope writes"
        ) from error


def _short(unit: str) -> str:
    return "nm" if unit == "nm" else "px"


def _transparent(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours (..., 3) with a fourth channel that hides what is missing, shape (..., 4)."""
    seen = np.isfinite(colours[..., :1])
    return np.concatenate([np.nan_to_num(colours), seen], axis=-1, dtype=np.float32)
