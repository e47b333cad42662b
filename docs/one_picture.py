"""The picture at the head of the README, click to table: ``python docs/one_picture.py``. Needs the extra `jupyter`.

It is made by the product from three clicks on a phantom, and goes to ``docs/images/one_picture.png``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from dinoscope import PointPrompt, phantom, plot
from dinoscope.evaluate import draw_clicks
from dinoscope.session import Session

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dinoscope.samples import Phantom

PICTURE = Path(__file__).parent / "images" / "one_picture.png"
CLICKS = 3
INK, CLICK = "#33363d", "#e69f00"
COLUMNS = {
    "label": "object",
    "area_nm2": "area, µm²",
    "equivalent_diameter_nm": "diameter, nm",
}
RIGHTS = (0.7, 1.75, 2.97)
"""Where the columns end, of 3."""

ROWS = 11


def main() -> None:
    """Click, search, and draw the four steps side by side."""
    made = phantom((640, 640), seed=3)
    with tempfile.TemporaryDirectory() as folder:
        session = searched(made, Path(folder))
        figure = Figure(figsize=(15.2, 4.45), layout="constrained", dpi=110)
        axes = figure.subplots(1, 4, width_ratios=[1, 1, 1, 0.9])
        draw(axes, made, session)
        for bar in figure.axes[len(axes) :]:
            bar.remove()  # of the similarity, which needs no figures here
        for ax, title in zip(
            axes, ("1  click", "2  see what is alike", "3  get all of them", "4  measured"), strict=True
        ):
            ax.set_title(title, loc="left", fontsize=15, color=INK, pad=9, fontweight="bold")
        figure.savefig(PICTURE, bbox_inches="tight", pad_inches=0.06)
        session.close()


def searched(made: Phantom, folder: Path) -> Session:
    """A session with clicks on mitochondria and all results."""
    truth = made.classes.read(made.classes.extent) == 1
    session = Session(folder=folder)
    session.image = made.image
    session.settings.segmentation.min_diameter = 60.0
    session.prompts = [
        PointPrompt((0.0, float(y), float(x)), "mitochondrion") for y, x in draw_clicks(truth, CLICKS, 0)
    ]
    session.request("measurements", "detections")
    return session


def draw(axes: Any, made: Phantom, session: Session) -> None:
    """The image with the clicks, the similarities, the objects, and a part of their table."""
    segmentation = session.result("segmentation")
    plot.image(made.image, ax=axes[0])
    for prompt in session.prompts:
        *_, y, x = prompt.position
        size = made.voxel_nm[-1]
        axes[0].plot(x * size, y * size, "o", ms=9, mfc=CLICK, mec="white", mew=1.8)
    plot.similarity(made.image, session.result("similarity"), ax=axes[1])
    plot.overlay(made.image, segmentation.instances, ax=axes[2])
    write_table(axes[3], session)


def write_table(ax: Axes, session: Session) -> None:
    """The largest objects as rows of text."""
    table = session.result("measurements").to_pandas().reset_index()
    known = {name: head for name, head in COLUMNS.items() if name in table}
    rows = table.sort_values("area_nm2", ascending=False).head(ROWS)
    ax.set(xlim=(0, len(known)), ylim=(ROWS + 1, -0.6))
    ax.axis("off")
    ax.set_box_aspect(1 / 0.9)
    for right, (name, head) in zip(RIGHTS, known.items(), strict=True):
        ax.text(right, 0, head, ha="right", va="center", fontsize=11, color=INK, fontweight="bold")
        for row, value in enumerate(rows[name]):
            text = f"{value / 1e6:.3f}" if name == "area_nm2" else f"{value:.0f}"
            ax.text(right, row + 1, text, ha="right", va="center", fontsize=11.5, color=INK)
    ax.axhline(0.5, color=INK, linewidth=1)
    more = len(table) - len(rows)
    ax.text(0.05, ROWS + 0.9, f"and {more} more", ha="left", va="center", fontsize=11, color="0.45")


if __name__ == "__main__":
    main()
