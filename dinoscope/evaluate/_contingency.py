"""Which labels of two images meet, and how much of each: sparse, so that neither image is ever in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import maximum_bipartite_matching

from dinoscope.evaluate._pairs import pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback


def overlaps(pred: Image, truth: Image, progress: ProgressCallback) -> sparse.csr_array:
    """IoU of every predicted with every true object that it meets, shape (predicted, actual)."""
    parts = [_count_pairs(found, real) for found, real in pairs(pred, truth, progress)]
    found_ids, real_ids, counts = (np.concatenate(column) for column in zip(*parts, strict=True))
    found_names, rows = np.unique(found_ids, return_inverse=True)
    real_names, columns = np.unique(real_ids, return_inverse=True)
    shape = (len(found_names), len(real_names))
    table = sparse.coo_array((counts, (rows, columns)), shape=shape).tocsr()
    found_sizes, real_sizes = table.sum(axis=1), table.sum(axis=0)
    table = table[found_names != 0][:, real_names != 0].tocoo()
    unions = found_sizes[found_names != 0][table.row] + real_sizes[real_names != 0][table.col] - table.data
    return sparse.coo_array((table.data / unions, (table.row, table.col)), shape=table.shape).tocsr()


def count_matches(table: sparse.csr_array, iou: float) -> int:
    """The most one-to-one pairs with an IoU above `iou`, of a table of `overlaps`."""
    pairs = table.tocoo()
    enough = pairs.data > iou
    if iou >= 0.5:  # then no object can be in two pairs
        return int(np.count_nonzero(enough))
    return most_pairs(pairs.row[enough], pairs.col[enough], table.shape)


def most_pairs(rows: NDArray[Any], columns: NDArray[Any], shape: tuple[int, int]) -> int:
    """The most pairs that can be chosen such that no row and no column is in two of them."""
    if not len(rows):
        return 0
    graph = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr()
    return int(np.count_nonzero(maximum_bipartite_matching(graph, perm_type="column") >= 0))


def _count_pairs(found: NDArray[Any], real: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Every pair of labels, not both background, that occurs at some voxel of a block, and how often."""
    somewhere = (found != 0) | (real != 0)
    found_names, rows = _distinct(found[somewhere])
    real_names, columns = _distinct(real[somewhere])
    codes, places = _distinct(rows * len(real_names) + columns)
    counts = np.bincount(places, minlength=len(codes))
    return found_names[codes // len(real_names)], real_names[codes % len(real_names)], counts


def _distinct(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """What `numpy.unique` gives with its inverse; where labels are small they are counted, which beats sorting."""
    if not labels.size or labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() > labels.size:
        names, places = np.unique(labels, return_inverse=True)
        return names, places
    present = np.flatnonzero(np.bincount(labels.astype(np.int64)))
    order = np.zeros(int(present[-1]) + 1, np.int64)
    order[present] = np.arange(len(present))
    return present.astype(labels.dtype), order[labels]
