"""The colours of classes, the same in every output."""

from __future__ import annotations

CLASS_COLOURS: tuple[tuple[int, int, int], ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (213, 94, 0),
    (204, 121, 167),
    (240, 228, 66),
    (0, 114, 178),
)
"""Okabe and Ito's colours, which people with any colour vision can tell apart, in the order that reads best on grey."""


def class_colour(index: int) -> tuple[int, int, int]:
    """Red, green and blue of the class with this index, counted from 0; they repeat after seven."""
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]
