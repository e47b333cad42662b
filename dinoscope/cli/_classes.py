"""The objects of each class in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPACE = {
    "density_per_um2": "per µm²",
    "density_per_um3": "per µm³",
    "density_per_px": "per pixel",
    "density_per_voxel": "per voxel",
}


def class_lines(per_class: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One line for each class, from the rows of a `ClassTable`."""
    return [f"{name}: {', '.join(_facts(figures))}" for name, figures in per_class.items()]


def _facts(figures: Mapping[str, Any]) -> list[str]:
    count, at_border = figures["objects"], figures["at_border"]
    facts = [f"{count} object{'' if count == 1 else 's'}" + (f" ({at_border} at the border)" if at_border else "")]
    facts.append(f"{100 * figures['covered']:.3g} % of the image")
    facts += [f"{figures[name]:.3g} {space}" for name, space in _SPACE.items() if name in figures]
    for unit in ("nm", "px"):
        mean = figures.get(f"mean_equivalent_diameter_{unit}")
        if mean is not None:
            spread = figures.get(f"std_equivalent_diameter_{unit}")
            facts.append(f"diameter {mean:.4g}{'' if spread is None else f' ± {spread:.2g}'} {unit}")
    return facts
