"""Units of length, as image files spell them."""

from __future__ import annotations

_NM_PER_UNIT = {
    "pm": 1e-3,
    "picometer": 1e-3,
    "a": 0.1,
    "å": 0.1,
    "angstrom": 0.1,
    "ångström": 0.1,
    "nm": 1.0,
    "nanometer": 1.0,
    "um": 1e3,
    "\N{MICRO SIGN}m": 1e3,
    "\N{GREEK SMALL LETTER MU}m": 1e3,
    r"\u00b5m": 1e3,  # how ImageJ writes the micro sign into a TIFF
    "micron": 1e3,
    "micrometer": 1e3,
    "mm": 1e6,
    "millimeter": 1e6,
    "cm": 1e7,
    "centimeter": 1e7,
    "inch": 2.54e7,
    "m": 1e9,
    "meter": 1e9,
}


def to_nm(length: float, unit: str | None) -> float | None:
    """A length in nm, or None where the unit is unknown or the length is no size (0, negative, NaN, infinite).

    >>> to_nm(4.6, "nm"), to_nm(0.01, "µm"), to_nm(2.0, "pixel")
    (4.6, 10.0, None)
    """
    spelled = (unit or "").strip().strip("[]").lower().replace("metre", "meter")
    if spelled.endswith("s") and spelled[:-1] in _NM_PER_UNIT:
        spelled = spelled[:-1]
    factor = _NM_PER_UNIT.get(spelled)
    if factor is None or not 0 < length < float("inf"):
        return None
    return float(f"{length * factor:.9g}")  # 23/50000000 cm is 4.6 nm, not 4.6000000000000005
