"""A table of columns, such as the measurements of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QTableView, QWidget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_SORT_ROLE = int(Qt.ItemDataRole.UserRole)


class ColumnsModel(QAbstractTableModel):
    """Columns of equal length for a Qt view."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._columns: list[NDArray[Any]] = []

    def set_columns(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Show others."""
        self.beginResetModel()
        self._names, self._columns = list(columns), list(columns.values())
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's own
        """Number of rows."""
        return 0 if parent.isValid() or not self._columns else len(self._columns[0])

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's own
        """Number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell: as text to be read, or as a value to be sorted by."""
        value = self._columns[index.column()][index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{value:.4g}" if isinstance(value, float) else str(value)
        if role == _SORT_ROLE:
            return value.item() if hasattr(value, "item") else value
        return None

    def headerData(  # noqa: N802 - Qt's own
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The name of a column."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return self._names[section].replace("_", " ") if orientation == Qt.Orientation.Horizontal else section + 1


class Table(QTableView):
    """A table that can be sorted, and tells which row somebody chose."""

    chosen = Signal(int)
    """Row of the columns as they were given."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns = ColumnsModel()
        self._sorted = QSortFilterProxyModel()
        self._sorted.setSourceModel(self._columns)
        self._sorted.setSortRole(_SORT_ROLE)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.selectionModel().currentRowChanged.connect(self._row_changed)

    def set_columns(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Show others."""
        self._columns.set_columns(columns)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)

    def _row_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            self.chosen.emit(self._sorted.mapToSource(current).row())
