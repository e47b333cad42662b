"""The part of RESULTS.md about few clicks on VNC."""

from __future__ import annotations

from typing import Any

from benchmarks._tables import spread, table

Figures = dict[str, Any]

WAYS = "DINOSim, automatic", "DINOSim, best", "cosine, best", "linear probe, best"
COLUMNS = {
    "Dice, threshold 0.5": "dice_fixed", "Dice, automatic": "dice_auto", "IoU, automatic": "iou_auto",
    "Dice, best": "dice_best", "IoU, best": "iou_best", "Dice, best, without 01": "dice_labelled",
}  # fmt: skip


def vnc(figures: Figures) -> str:
    """The section; `figures` are those of ``benchmarks.vnc``."""
    everything: Figures = figures["everything"]
    encoders = {name: found for name, found in figures.items() if name != "everything"}
    parts = [
        _clicks(everything["mitochondria"], encoders),
        _ways(encoders),
        _classes(everything, encoders),
        _scales(encoders),
    ]
    return "\n".join(parts)


def _clicks(everything: Figures, encoders: Figures) -> str:
    all_marked = [everything["dice_labelled" if key == "dice_labelled" else key[: key.index("_")]]
                  for key in COLUMNS.values()]  # fmt: skip
    rows = [["everything marked", "", *(f"{value:.3f}" for value in all_marked)]]
    for name, found in encoders.items():
        for count, scores in sorted(found["clicks"].items(), key=lambda item: int(item[0])):
            rows.append([name, count, *(spread(scores[key]) for key in COLUMNS.values())])
    return f"""## Mitochondria from a few clicks

`python -m benchmarks.vnc`. Drosophila ventral nerve cord (VNC, ssTEM, 4.6 nm per pixel): clicks at the deepest points
of mitochondria of section 00, found by DINOSim on sections 00 to 05, all voxels of them in one Dice. Mean ± standard
deviation of five seeds of clicks. No encoder was trained on this data. `random-dinov2-small` is DINOv2-small with
random weights: what the architecture gives without training. `hand-filters` are grey value, gradient and eigenvalues of
the Hessian at sigmas of 1 to 16 pixels, averaged over patches of 8. The ground truth of section 01 is empty in the
files at hand: all that is found there counts as wrong, for every encoder, so a map that is right there too cannot reach
1. The last column leaves that section out, with a best threshold of its own.

{table(["encoder", "clicks", *COLUMNS], rows)}
"""


def _ways(encoders: Figures) -> str:
    head = ["encoder", "DINOSim, 5 clicks", "cosine to their mean", "linear probe, 5 and 10 counter-examples"]
    rows = [[name, *(spread(way["dice_best"]) for way in (found["clicks"]["5"], found["cosine"], found["probe"]))]
            for name, found in encoders.items()]  # fmt: skip
    return f"""### Other ways to use the same clicks

Best Dice on the same sections. The probe is a logistic regression with an L2 penalty (C = 0.01, both classes weigh
alike, features standardised by section 00) on the five clicks and ten places outside of mitochondria, drawn uniformly.

{table(head, rows)}
"""


def _classes(everything: Figures, encoders: Figures) -> str:
    keys = {"Dice, automatic": "dice_auto", "Dice, best": "dice_best"}
    rows, told = [], []
    for name, marked in everything.items():
        if name != "mitochondria":
            told.append(f"{name} on {marked['sections']}, clicked on {marked['clicked']:02d}")
            rows.append([name, "everything marked", *[f"{marked['dice']:.3f}"] * len(keys)])
            rows += [[name, encoder, *(spread(found["classes"][name][key]) for key in keys.values())]
                     for encoder, found in encoders.items() if name in found["classes"]]  # fmt: skip
    return f"""### Other classes

DINOSim, five clicks at the deepest points of objects; in a class that hangs together, such as membranes, five points
drawn uniformly from its skeleton. Only sections 00 to 05 where the truth of the class is not empty are clicked and
measured: {"; ".join(told) or "none"}. A class that is not listed has no truth at all in the files at hand.

{table(["class", "encoder", *keys], rows)}
"""


def _scales(encoders: Figures) -> str:
    rows = []
    for name, found in encoders.items():
        cases = [("4.6", "4.6", found["clicks"]["5"])]
        for size, scores in sorted(found["scales"].items(), key=lambda item: float(item[0])):
            cases += [(size, size, scores["both"]), ("4.6", size, scores["image"])]
        rows += [[name, clicked, worked, spread(scores["dice_auto"]), spread(scores["dice_best"])]
                 for clicked, worked, scores in cases]  # fmt: skip
    return f"""### At a wrong scale

Mitochondria, five clicks, worked at half and at twice the pixel size of the image: all at that size, or the examples
at 4.6 nm and the image they are looked for in at another, of which dinoscope warns.

{table(["encoder", "nm per pixel of the examples", "of the image", "Dice, automatic", "Dice, best"], rows)}
"""


def trials(figures: Figures) -> str:
    """What was tried for `nano`; `figures` are those of ``benchmarks.train_nano --trial``."""
    rows = []
    for words, found in figures.items():
        scores = (found["dinosim"]["dice_auto"], *(found[way]["dice_best"] for way in ("dinosim", "cosine", "probe")))
        spent = f"{found['minutes']:g} on {found['threads']}"
        rows.append([words, f"{found['parameters']:,}", spent, *map(spread, scores)])
    return f"""### What was tried for nano

`python -m benchmarks.train_nano FOLDER --minutes M --threads N --trial WORDS`, and what else the words say. Dice of
five clicks on mitochondria as above.

{table(["trial", "parameters", "minutes, and cores", *WAYS], rows)}
"""
