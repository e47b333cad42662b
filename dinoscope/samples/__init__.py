"""Images to try things on: a procedural phantom with exact ground truth, and public data sets."""

from dinoscope.samples._look import Look, draw_look
from dinoscope.samples._phantom import Phantom, PhantomObjects, phantom
from dinoscope.samples._registry import PUBLIC_SAMPLES, PublicSample, fetch_sample

__all__ = [
    "PUBLIC_SAMPLES", "Look", "Phantom", "PhantomObjects", "PublicSample", "draw_look", "fetch_sample", "phantom",
]  # fmt: skip
