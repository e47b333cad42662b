"""Objects in numbers: size, place, shape and grey value, in voxels and in nm; and how many there are of each class."""

from dinoscope.measure._classes import ClassTable, count_objects
from dinoscope.measure._measure import measure_objects
from dinoscope.measure._table import ObjectTable

__all__ = ["ClassTable", "ObjectTable", "count_objects", "measure_objects"]
