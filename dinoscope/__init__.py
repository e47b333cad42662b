"""Click one, get all of them: segmentation and detection by example in large electron microscopy images."""

__version__ = "0.1.0"
