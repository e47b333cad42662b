"""The part of RESULTS.md about few clicks, methods and a pixel classifier."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks._tables import spread, table
from dinoscope.benchmark import BASELINES, Line

Figures = dict[str, Any]

ABSOLUTE = "mitochondria"
"""The set that the encoder was not trained on; of the others only ratios are told."""

AGAINST = "dinosim"
PUBLISHED = BASELINES["published"]
SHOWN = {
    "Dice": "dice", "not refined": "dice_plain", "at 0.5": "dice_fixed", "best": "dice_best",
    "detection F1": "detection_f1", "object AP": "object_ap", "object PQ": "object_pq",
}  # fmt: skip
NOC = {"NoC@70": "noc@70", "NoC@80": "noc@80"}
DICE = {"dice", "dice_plain", "dice_fixed", "dice_best"}
DRAWS = ((1, 0), (3, 0), (5, 0), (10, 0), (5, 10))
FIVE = (5, 0)


def few_examples(figures: Figures) -> str:
    """The section; `figures` are those of ``benchmarks.few_examples``."""
    sets: dict[str, Figures] = {ABSOLUTE: {}}
    for key, found in figures.items():
        name, method = key.split(", ", 1)
        sets.setdefault(name, {})[method] = found
    order = [name for name in sets[ABSOLUTE] if name not in BASELINES.values()]
    methods = [AGAINST, *(name for name in order if name != AGAINST), *BASELINES.values()]
    parts = [_head(sets), _five(sets, methods), _by_clicks(sets, methods), _left_out(figures)]
    return "\n".join(part for part in parts if part)


def lines_of(figures: Figures) -> list[Line]:
    """What to plot of ``benchmarks.few_examples``: the set whose figures count as they are."""
    found = []
    for key, values in figures.items():
        name, method = key.split(", ", 1)
        if name == ABSOLUTE:
            for line in values["lines"]:
                numbers = (tuple(line[part]) for part in ("clicks", "mean", "spread"))
                found.append(Line("nano", method, line["corrected"], *numbers))
    return found


def _head(sets: dict[str, Figures]) -> str:
    bounds = next(iter(next(iter(sets.values())).values()))["bounds"]
    return f"""## Methods, objects and clicks

`python -m benchmarks.few_examples`, encoder nano. Three sets: mitochondria of the ventral nerve cord (sections 00 to 05
without 01, which nobody labelled; examples on 00), chloroplasts (five sections shrunk to 0.3; their truth is numbered)
and axons (six pictures of 70 to 180 nm per pixel). Examples are drawn {bounds["seeds"]} times from the first section,
the same for all, and looked for in all sections; these count as one. Nano was trained on chloroplasts and axons, so of
these only ratios are told.

- Dice: as the product answers, at its automatic threshold; *not refined* is the same threshold without the borders of
  the image, *at 0.5* is not refined either, *best* is at the best threshold there is.
- Detection F1: a detection is right in an object that no other one has claimed. Object AP is TP / (TP + FP + FN) at an
  IoU above 0.5, and PQ panoptic quality; where the truth has no numbers, objects are what hangs together in a section.
- NoC@70 and NoC@80: clicks of a simulated person, who always corrects the worst error, until Dice is 0.7 and 0.8, in
  the first {bounds["corrected"]} sections; who does not get there in {bounds["at_most"]} clicks counts with these.
- *s*: from the clicks to the map of one section, and per correction to its mask; all features are there.
- random forest: 50 trees on grey value, gradient and Hessian at sigmas of 0.5 to 16 pixels, on dabs of 3.5 pixels
  around the same clicks, at its own threshold of 0.5. Where there are no counter-examples it was given as many places
  of background as there are clicks, which nobody had to click. Nothing smooths its masks, and specks are objects.
- dinosim, positives only: one who cannot give counter-examples, as in napari-dinosim; `0.5` at that threshold and not
  refined, as it is published. With drawn clicks these are the rows and columns of dinosim.
"""


def _five(sets: dict[str, Figures], methods: list[str]) -> str:
    """Five clicks: figures of the set that counts as it is, ratios of the others, and means of all ratios."""
    rows = [
        [name, method, *_cells(found, method, name == ABSOLUTE)]
        for name, found in sets.items()
        for method in methods
        if method in found
    ]
    if len(sets) > 1:
        rows += [["mean of ratios", method, *_means(sets, method), "", ""] for method in _everywhere(sets, methods)]
    return f"""### Five clicks

Figures of {ABSOLUTE}; of all others ratios, with x: of Dice to that of dinosim at 0.5, of F1, AP and PQ to those of
dinosim, and of NoC to that of dinosim, positives only, 0.5 (less is better). The means have {ABSOLUTE} among them.

{table(["set", "method", *SHOWN, *NOC, "s per answer", "s per correction"], rows)}
"""


def _cells(found: Figures, method: str, absolute: bool) -> list[str]:
    mine, efforts = _answer(found[method], FIVE), _effort(found[method])
    if absolute:
        cells = [spread({"mean": mine[key], "std": mine[f"{key}_std"]}) if mine else "" for key in SHOWN.values()]
        cells += [_clicks(efforts, key) for key in NOC.values()]
    else:
        cells = [_times(_ratio(found, method, key)) for key in (*SHOWN.values(), *NOC.values())]
    return [*cells, *(f"{each['seconds']:.2f}" if each else "" for each in (mine, efforts))]


def _clicks(efforts: Figures, key: str) -> str:
    if not efforts:
        return ""
    failed = efforts[f"{key}_failed"]
    return f"{efforts[key]:.1f}" + (f" ({failed} of {efforts['sections']} failed)" if failed else "")


def _ratio(found: Figures, method: str, key: str, draw: tuple[int, int] = FIVE) -> float:
    """A figure of a method over that of what it is compared with, NaN where there is none of them."""
    if key in NOC.values():
        mine, base, below = _effort(found[method]), _effort(found.get(PUBLISHED, {})), key
    else:
        mine, base = _answer(found[method], draw), _answer(found.get(AGAINST, {}), draw)
        below = "dice_fixed" if key in DICE else key
    return float(mine[key] / base[below]) if mine and base and base[below] else float("nan")


def _means(sets: dict[str, Figures], method: str) -> list[str]:
    keys = (*SHOWN.values(), *NOC.values())
    return [_times(float(np.mean([_ratio(found, method, key) for found in sets.values()]))) for key in keys]


def _everywhere(sets: dict[str, Figures], methods: list[str]) -> list[str]:
    """Methods that were measured on all sets."""
    return [method for method in methods if all(method in found for found in sets.values())]


def _by_clicks(sets: dict[str, Figures], methods: list[str]) -> str:
    head = [
        "set",
        "method",
        *(f"{clicks}" + (f" and {against} counter-examples" if against else "") for clicks, against in DRAWS),
    ]
    drawn = [method for method in methods if _answer(sets[ABSOLUTE].get(method, {}), FIVE)]
    rows = [[ABSOLUTE, method, *(_told(_answer(sets[ABSOLUTE][method], draw)) for draw in DRAWS)] for method in drawn]
    for method in _everywhere(sets, drawn) if len(sets) > 1 else []:
        means = (np.mean([_ratio(found, method, "dice", draw) for found in sets.values()]) for draw in DRAWS)
        rows.append(["mean of ratios", method, *(_times(float(mean)) for mean in means)])
    return f"""### More and fewer clicks

Dice at the automatic threshold on {ABSOLUTE}, then the mean over all sets of its ratio to that of dinosim at 0.5 from
the same clicks.

{table(head, rows)}

![Dice by clicks on {ABSOLUTE}](few_examples.png)
"""


def _left_out(figures: Figures) -> str:
    sentences = [f"- {key}: {sentence}" for key, found in figures.items() for sentence in found["left_out"]]
    return "\n".join(["Could not be measured:", "", *dict.fromkeys(sentences), ""]) if sentences else ""


def _answer(found: Figures, draw: tuple[int, int]) -> Figures:
    """The means of a method for a number of clicks and of counter-examples, empty where there are none."""
    answers: list[Figures] = found.get("answers", [])
    return next((line for line in answers if (line["clicks"], line["counter_examples"]) == draw), {})


def _effort(found: Figures) -> Figures:
    efforts: list[Figures] = found.get("corrections", [])
    return next(iter(efforts), {})


def _told(answer: Figures) -> str:
    return spread({"mean": answer["dice"], "std": answer["dice_std"]}) if answer else ""


def _times(ratio: float) -> str:
    return "" if np.isnan(ratio) else f"{ratio:.2f} x"
