"""The same steps on many processes or machines, by dask.distributed.

Importing this needs no dask.distributed: what is here asks for it when it is called.
"""

from dinoscope.distributed._cluster import Cluster
from dinoscope.distributed._connect import NoWorkersWarning, connect

__all__ = ["Cluster", "NoWorkersWarning", "connect"]
