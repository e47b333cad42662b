"""What a benchmark measured, as rows and as means."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dinoscope.benchmark._tally import Tally
    from dinoscope.evaluate import Effort

EVERYTHING = "all"
"""Name of all images as one."""

AVERAGED = (
    "dice",
    "iou",
    "dice_plain",
    "dice_fixed",
    "dice_best",
    "average_precision",
    "detection_f1",
    "object_ap",
    "object_pq",
    "seconds",
)
"""Columns of which means are told."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Clicks that were drawn.

    Attributes
    ----------
    clicks, counter_examples
        How many.
    seed
        How.
    """

    clicks: int
    counter_examples: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """How good the answer to some drawn clicks is, in one image or in all of them as one.

    Attributes
    ----------
    encoder, method, image
        Names.
    draw
        The clicks.
    counts
        What was counted.
    seconds
        From the clicks to the thresholded map of one section of the image that was clicked on, with all features there.
    """

    encoder: str
    method: str
    image: str
    draw: Draw
    counts: Tally
    seconds: float

    def row(self) -> dict[str, Any]:
        """Its line in the table."""
        return {
            "encoder": self.encoder,
            "method": self.method,
            "image": self.image,
            "drawn": "at random",
            **asdict(self.draw),
            **self.counts.scores(),
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class Correction:
    """What a simulated person needed for one section.

    Attributes
    ----------
    encoder, method, image
        Names.
    effort
        Clicks, and Dice after each.
    seconds
        What the person waits for: mean from a click to the mask of the section, with all features there.
    """

    encoder: str
    method: str
    image: str
    effort: Effort
    seconds: float

    def rows(self) -> Iterable[dict[str, Any]]:
        """One line in the table per click."""
        needed = zip(self.effort.targets, self.effort.clicks, strict=True)
        counts = {f"noc@{100 * target:g}": clicks for target, clicks in needed}
        for number, dice in enumerate(self.effort.dice, start=1):
            yield {
                "encoder": self.encoder,
                "method": self.method,
                "image": self.image,
                "drawn": "at errors",
                "clicks": number,
                "dice": dice,
                "seconds": self.seconds,
                **counts,
            }


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a plot: Dice by number of clicks.

    Attributes
    ----------
    encoder, method
        Names.
    corrected
        Whether the clicks corrected the worst error; otherwise they were drawn.
    clicks
        Ascending, n numbers.
    mean, spread
        Mean and standard deviation of Dice over the seeds, or over the sections where clicks corrected, n of each.
    """

    encoder: str
    method: str
    corrected: bool
    clicks: tuple[int, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """All that was measured.

    Attributes
    ----------
    answers
        To drawn clicks, for every seed: first of all images as one (`image` is ``"all"``), then of each if there are
        several.
    corrections
        Of the simulated person.
    left_out
        What could not be measured and why, sentences.
    """

    answers: tuple[Answer, ...]
    corrections: tuple[Correction, ...]
    left_out: tuple[str, ...]

    def columns(self) -> dict[str, list[Any]]:
        """Everything as one table. What does not apply is NaN: numbers of the simulated person have no seed."""
        rows = [answer.row() for answer in self.answers]
        rows += [row for correction in self.corrections for row in correction.rows()]
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name, float("nan")) for row in rows] for name in names}

    def summary(self) -> list[dict[str, Any]]:
        """Means and standard deviations over the seeds, all images as one, per encoder, method and number of clicks."""
        found = []
        for (encoder, method, draw), answers in self._pooled().items():
            rows = [answer.row() for answer in answers]
            line: dict[str, Any] = {"encoder": encoder, "method": method, **asdict(draw)}
            del line["seed"]
            for name in AVERAGED:
                values = [row[name] for row in rows]
                line |= {name: float(np.mean(values)), f"{name}_std": float(np.std(values))}
            found.append(line)
        return found

    def efforts(self) -> list[dict[str, Any]]:
        """Mean number of clicks over the sections that a simulated person needs, per encoder and method."""
        found = []
        for (encoder, method), mine in self._corrected().items():
            line: dict[str, Any] = {"encoder": encoder, "method": method, "sections": len(mine)}
            for index, target in enumerate(mine[0].effort.targets):
                name = f"noc@{100 * target:g}"
                line[name] = float(np.mean([each.effort.clicks[index] for each in mine]))
                line[f"{name}_failed"] = sum(not each.effort.reached[index] for each in mine)
            found.append({**line, "seconds": float(np.mean([each.seconds for each in mine]))})
        return found

    def lines(self) -> list[Line]:
        """What to plot."""
        found = []
        pooled = sorted(self._pooled().items(), key=lambda item: item[0][2].clicks)
        for what in dict.fromkeys((encoder, method) for encoder, method, _ in self._pooled()):
            mine = {draw.clicks: answers for (encoder, method, draw), answers in pooled if (encoder, method) == what}
            dice = [[answer.counts.automatic.scores().dice for answer in answers] for answers in mine.values()]
            found.append(_line((*what, False), tuple(mine), dice))
        for (encoder, method), corrections in self._corrected().items():
            courses = [each.effort.dice for each in corrections]
            numbers = tuple(range(1, 1 + max(map(len, courses))))
            # Who reached the goal stops: the mask stays as it is.
            dice = [[course[min(n, len(course)) - 1] for course in courses] for n in numbers]
            found.append(_line((encoder, method, True), numbers, dice))
        return found

    def _pooled(self) -> dict[tuple[str, str, Draw], list[Answer]]:
        """The answers of all seeds; what tells them apart has the seed 0."""
        found: dict[tuple[str, str, Draw], list[Answer]] = {}
        for answer in self.answers:
            if answer.image == EVERYTHING:
                found.setdefault((answer.encoder, answer.method, replace(answer.draw, seed=0)), []).append(answer)
        return found

    def _corrected(self) -> dict[tuple[str, str], list[Correction]]:
        found: dict[tuple[str, str], list[Correction]] = {}
        for correction in self.corrections:
            found.setdefault((correction.encoder, correction.method), []).append(correction)
        return found


def _line(what: tuple[str, str, bool], clicks: tuple[int, ...], dice: list[list[float]]) -> Line:
    mean, spread = (tuple(float(f(values)) for values in dice) for f in (np.mean, np.std))
    return Line(*what, clicks, mean, spread)
