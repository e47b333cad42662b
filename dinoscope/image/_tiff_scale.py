"""Pixel size of a TIFF, from whichever of its dialects tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from dinoscope.image._units import to_nm

if TYPE_CHECKING:
    import tifffile

_COARSEST_NM = 5000.0
"""Resolution tags are believed below this pixel size. Programs write 72, 96, 300 or 600 dpi when they know nothing,
and scanners end at 4800 dpi (5.3 um); electron micrographs are finer than either."""

_RESOLUTION_UNITS = {2: "inch", 3: "cm", 4: "mm", 5: "um"}


def tiff_scale_nm(tif: tifffile.TiffFile) -> dict[str, float]:
    """Voxel size in nm by axis name; an axis whose size the file does not tell is absent.

    Asked in turn: OME-XML, ImageJ, the tags of FEI/Thermo Fisher and Zeiss microscopes, and the resolution tags.
    """
    if tif.is_ome:
        return _from_ome(tif.ome_metadata or "")
    if tif.is_imagej:
        return _from_imagej(tif)
    for size in (_from_fei(tif), _from_zeiss(tif)):
        if size is not None:
            return {"y": size, "x": size}
    return _from_resolution(tif.pages.first)


def _from_ome(xml: str) -> dict[str, float]:
    """PhysicalSizeX, Y, Z of the first image; micrometres where no unit is given, as the schema says."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return {}
    pixels = root.find(".//{*}Pixels")
    if pixels is None:
        return {}
    found: dict[str, float] = {}
    for name in "zyx":
        size = pixels.get(f"PhysicalSize{name.upper()}")
        unit = pixels.get(f"PhysicalSize{name.upper()}Unit", "um")
        length = to_nm(float(size), unit) if size is not None else None
        if length is not None:
            found[name] = length
    return found


def _from_imagej(tif: tifffile.TiffFile) -> dict[str, float]:
    """ImageJ counts pixels per unit in the resolution tags and names the unit in the description."""
    metadata: dict[str, Any] = tif.imagej_metadata or {}
    unit = str(metadata.get("unit", ""))
    found = _per_pixel(tif.pages.first, unit)
    if found and "spacing" in metadata:
        depth = to_nm(abs(float(metadata["spacing"])), str(metadata.get("zunit", unit)))
        if depth is not None:
            found["z"] = depth
    return found


def _from_fei(tif: tifffile.TiffFile) -> float | None:
    scan = (tif.fei_metadata or {}).get("Scan", {})
    return to_nm(float(scan.get("PixelWidth", 0)), "m")


def _from_zeiss(tif: tifffile.TiffFile) -> float | None:
    """Zeiss SEM: ``('Image Pixel Size', 4.6, 'nm')``."""
    metadata = tif.sem_metadata or {}
    size = metadata.get("ap_image_pixel_size", metadata.get("ap_pixel_size"))
    if not isinstance(size, tuple) or len(size) < 3:
        return None
    return to_nm(float(size[1]), str(size[2]))


def _from_resolution(page: tifffile.TiffPage) -> dict[str, float]:
    unit = page.tags.valueof(296, default=2)  # inch is the default of the TIFF standard
    return _per_pixel(page, _RESOLUTION_UNITS.get(int(unit), ""))


def _per_pixel(page: tifffile.TiffPage, unit: str) -> dict[str, float]:
    """Length of a pixel in y and x from pixels per unit, unless it is implausibly coarse."""
    if 282 not in page.tags or 283 not in page.tags:
        return {}
    per_unit = dict(zip("xy", page.get_resolution(), strict=True))
    lengths = {name: to_nm(1 / number, unit) if number > 0 else None for name, number in per_unit.items()}
    known = {name: length for name, length in lengths.items() if length is not None and length < _COARSEST_NM}
    return known if len(known) == 2 else {}
