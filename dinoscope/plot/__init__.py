"""Small pictures for notebooks: an image, what was found in it, how large that is, and how good.

Every function draws into the axes it is given, or into a new figure, and returns the axes. An image that these axes
already show is not drawn again, so that results can be laid over one another. Only what is drawn is read, block by
block, and shrunk to at most 1500 pixels a side while it is read; of an image that has coarser levels, the coarsest of
them that suffices is read.

The coordinates of the axes are nm, or voxels where the pixel size is unknown; 0 is the centre of the first voxel. So
``ax.plot(table["centroid_x_nm"], table["centroid_y_nm"], "+")`` marks every object of a table.
"""

from dinoscope.errors import MissingDependencyError

try:
    import matplotlib  # noqa: F401 - the modules below need it, and this one says where it comes from
except ImportError as error:
    raise MissingDependencyError("plots need matplotlib: pip install 'dinoscope[jupyter]'") from error

from dinoscope.plot._charts import histogram
from dinoscope.plot._features import features
from dinoscope.plot._picture import image
from dinoscope.plot._results import detections, overlay, similarity
from dinoscope.plot._scores import learning, matches, precision_recall, write_chart

__all__ = [
    "detections",
    "features",
    "histogram",
    "image",
    "learning",
    "matches",
    "overlay",
    "precision_recall",
    "similarity",
    "write_chart",
]
