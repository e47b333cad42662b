"""Lazy images with named axes, from files, folders and arrays."""

from dinoscope.image._image import ArrayLike, Image

__all__ = ["ArrayLike", "Image"]
