"""Columns of numbers and words as CSV or Parquet."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import MissingDependencyError, SettingsError
from dinoscope.outputs._atomic import partial_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

    import pandas as pd
    from numpy.typing import NDArray


_PARQUET = (".parquet", ".pq")

_ROWS = 10_000
"""Rows that are text at the same time."""


def to_data_frame(columns: Mapping[str, NDArray[Any] | Sequence[Any]], index: str) -> pd.DataFrame:
    """A table as a data frame that has one of the columns as its index.

    Raises
    ------
    MissingDependencyError
        If pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingDependencyError("data frames need pandas: pip install 'dinoscope[jupyter]'") from error
    return pd.DataFrame(columns).set_index(index)


def write_table(path: Path, columns: Mapping[str, NDArray[Any] | Sequence[Any]]) -> Path:
    """Write a table, complete or not at all.

    Parameters
    ----------
    path
        Name of the file; an earlier one is replaced. ``.parquet`` and ``.pq`` make it Parquet, all others CSV (UTF-8,
        comma, full precision; NaN is an empty cell).
    columns
        Name and values of every column, all of one length.

    Raises
    ------
    SettingsError
        If the columns differ in length.
    MissingDependencyError
        If it is to be Parquet and pyarrow is not installed.
    StoreError
        If the file cannot be written.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise SettingsError(f"the columns of {path.name} differ in length: {lengths}")
    if path.suffix.lower() in _PARQUET:
        return _write_parquet(path, columns)
    with partial_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for start in range(0, max(lengths.values(), default=0), _ROWS):
            part = slice(start, start + _ROWS)
            writer.writerows(zip(*(_cells(values[part]) for values in columns.values()), strict=True))
    return path


def check_table_name(path: Path) -> None:
    """Make sure, before any work is done, that a table of this name can be written.

    Raises
    ------
    MissingDependencyError
        If it is to be Parquet and pyarrow is not installed.
    """
    if path.suffix.lower() in _PARQUET:
        _parquet(path)


def _write_parquet(path: Path, columns: Mapping[str, NDArray[Any] | Sequence[Any]]) -> Path:
    parquet = _parquet(path)
    import pyarrow as pa

    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    with partial_file(path) as partial:
        parquet.write_table(table, partial)
    return path


def _parquet(path: Path) -> ModuleType:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingDependencyError(
            f"{path.name}: Parquet needs pyarrow: pip install 'dinoscope[parquet]', or give the table a name in .csv"
        ) from error
    module: ModuleType = parquet
    return module


def _cells(values: NDArray[Any] | Sequence[Any]) -> list[Any]:
    plain = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return ["" if isinstance(value, float) and np.isnan(value) else value for value in plain]
