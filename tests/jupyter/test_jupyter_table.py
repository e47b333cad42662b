"""The messages of a table, without a browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.jupyter._home import Home
from dinoscope.jupyter._table import LIMIT, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

OBJECTS = {
    "label": np.array([7, 8, 9], np.uint32),
    "class": np.array(["disc", "square", "disc"]),
    "area_px": np.array([12.5, np.nan, np.inf], np.float32),
}


@pytest.fixture
def table(comms: None) -> Table:
    return Table(Home())


@pytest.fixture
def chosen(table: Table) -> list[int]:
    rows: list[int] = []
    table.chosen.connect(rows.append)
    return rows


def shown(table: Table) -> dict[str, Any]:
    """What the browser has of the table, after JSON has had it."""
    state: dict[str, Any] = dict(table.comm.opened["data"]["state"])
    for data, _ in table.comm.sent:
        state |= data["state"]
    names = ("columns", "rows", "total", "selected")
    found: dict[str, Any] = json.loads(json.dumps({name: state[name] for name in names}, allow_nan=False))
    return found


def cells(table: Table, *values: NDArray[Any]) -> list[list[Any]]:
    """Columns as the browser gets them."""
    table.show({str(number): column for number, column in enumerate(values)})
    return [list(column) for column in zip(*shown(table)["rows"], strict=True)]


def test_a_new_table_is_empty(table: Table) -> None:
    assert shown(table) == {"columns": [], "rows": [], "total": 0, "selected": -1}


def test_columns_and_rows_are_sent(table: Table) -> None:
    table.show(OBJECTS)
    assert shown(table) == {
        "columns": [
            {"name": "label", "title": "label", "numeric": True},
            {"name": "class", "title": "class", "numeric": False},
            {"name": "area_px", "title": "area px", "numeric": True},
        ],
        "rows": [[7, "disc", 12.5], [8, "square", None], [9, "disc", None]],
        "total": 3,
        "selected": -1,
    }


def test_another_table_is_one_message(table: Table) -> None:
    table.show(OBJECTS)
    assert len(table.comm.sent) == 1, "or the browser would show rows under the columns of others"


def test_cells_are_what_json_has(table: Table) -> None:
    numbers = np.array([-np.inf, 0.1, np.nan])
    large = np.array([2**63, 0, 1], np.uint64)
    flags = np.array([True, False, True])
    mixed = np.array(["a", 3, None], object)
    assert cells(table, numbers, large, flags, mixed) == [
        [None, 0.1, None],
        [2**63, 0, 1],
        ["True", "False", "True"],
        ["a", 3, "None"],
    ]
    assert [column["numeric"] for column in shown(table)["columns"]] == [True, True, False, False]


def test_columns_without_rows_are_shown(table: Table) -> None:
    table.show(OBJECTS)
    table.show({"label": np.array([], np.uint32)})
    assert (len(shown(table)["columns"]), shown(table)["rows"], shown(table)["total"]) == (1, [], 0)


def test_no_columns_empty_the_table(table: Table) -> None:
    table.show(OBJECTS)
    table.show({})
    assert shown(table) == {"columns": [], "rows": [], "total": 0, "selected": -1}


def test_of_a_long_table_the_first_rows_are_sent_and_their_number(table: Table, chosen: list[int]) -> None:
    table.show({"label": np.arange(LIMIT + 3)})
    assert shown(table)["rows"] == [[number] for number in range(LIMIT)]
    assert shown(table)["total"] == LIMIT + 3
    table.comm.receive({"type": "row", "index": LIMIT})  # which is not shown
    table.comm.receive({"type": "row", "index": LIMIT - 1})
    assert chosen == [LIMIT - 1]


def test_rows_are_chosen_in_order_and_selected(table: Table, chosen: list[int]) -> None:
    table.show(OBJECTS)
    for index in (2, 0, 0):
        table.comm.receive({"type": "row", "index": index})
        assert shown(table)["selected"] == index
    assert chosen == [2, 0, 0]


def test_another_table_has_no_row_selected(table: Table) -> None:
    table.show(OBJECTS)
    table.comm.receive_state(selected=1)  # the browser marks the row, and tells it
    table.comm.receive({"type": "row", "index": 1})
    table.show(OBJECTS)
    assert shown(table)["selected"] == table.selected == -1


@pytest.mark.parametrize(
    "content",
    [
        None,
        "row",
        3,
        [],
        {},
        {"type": "row"},
        {"type": "column", "index": 0},
        {"type": "row", "index": "0"},
        {"type": "row", "index": 0.5},
        {"type": "row", "index": True},
        {"type": "row", "index": None},
        {"type": "row", "index": -1},
        {"type": "row", "index": 3},
        {"type": "row", "index": 2**70},
        {"type": "row", "index": 0, "more": 1},
    ],
)
def test_what_chooses_no_row_is_ignored(table: Table, chosen: list[int], content: Any) -> None:
    table.show(OBJECTS)
    before = len(table.comm.sent)
    table.comm.receive(content)
    assert (chosen, table.selected, len(table.comm.sent)) == ([], -1, before)
    table.comm.receive({"type": "row", "index": 1})  # and it still works
    assert chosen == [1]


def test_a_row_of_an_empty_table_cannot_be_chosen(table: Table, chosen: list[int]) -> None:
    table.show(OBJECTS)
    table.show({})
    table.comm.receive({"type": "row", "index": 0})  # sent before the browser knew
    assert chosen == []
