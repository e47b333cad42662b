"""Make the bundled encoder: ``python -m benchmarks.train_nano FOLDER [--minutes M] [--seed S] [--start ENCODER]``.

Trains on the labelled sets of `benchmarks._labelled` and on nothing else. The first weights are random, or those of an
encoder that `dinoscope pretrain` made. An interrupted run goes on where it was. With ``--trial WORDS`` the outcome is
then measured on VNC and kept in ``results/nano_trials.json`` under these words; an encoder that is there already is
only measured.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch

from benchmarks import vnc
from benchmarks._data import data_folder, save
from benchmarks._labelled import labelled_sets
from dinoscope.encoders._compact import COMPACT_FILE, read_compact_net
from dinoscope.encoders._compact_net import CompactConfig
from dinoscope.settings import SuperviseSettings
from dinoscope.training._supervise import new_net, supervise

LICENCE = "BSD-3-Clause"
NETWORKS = {
    "narrow": CompactConfig(
        widths=(16, 40, 160), dilations=((), (1,), (1, 1, 2, 2, 4, 4)), bottlenecks=(0, 0, 80), channels=64,
        licence=LICENCE,
    ),
    "plain": CompactConfig(widths=(16, 32, 128), dilations=((), (1,), (1, 2, 4)), channels=64, licence=LICENCE),
    "wide": CompactConfig(widths=(24, 48, 128), dilations=((1,), (1,), (1, 2, 2)), channels=64, licence=LICENCE),
}  # fmt: skip


def main() -> None:
    """Train, say where the weights are, and measure them if asked."""
    asked = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(asked.threads)
    settings = SuperviseSettings(steps=asked.steps, minutes=asked.minutes, seed=asked.seed, episodes=asked.episodes)
    weights = asked.folder / COMPACT_FILE
    if not (asked.trial and weights.exists()):
        net = new_net(NETWORKS[asked.network], asked.seed) if asked.start is None else read_compact_net(asked.start)
        weights = supervise(labelled_sets(data_folder(), asked.without), asked.folder, settings, net)
    net = read_compact_net(weights)
    print(f"{weights}: {net.parameter_count():,} parameters")
    if asked.trial:
        figures = {"minutes": asked.minutes, "threads": asked.threads, "parameters": net.parameter_count()}
        save("nano_trials", {asked.trial: {**figures, **vnc.headline(str(asked.folder))}})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="gets encoder.safetensors")
    parser.add_argument("--minutes", type=float, default=None, help="end after this much wall time")
    parser.add_argument("--steps", type=int, default=SuperviseSettings().steps, help="optimiser steps")
    parser.add_argument("--seed", type=int, default=0, help="decides everything that is random")
    parser.add_argument("--episodes", type=float, default=SuperviseSettings().episodes, help="weight of the prompts")
    parser.add_argument("--network", choices=NETWORKS, default="narrow", help="the architecture")
    parser.add_argument("--without", nargs="*", default=(), metavar="SET", help="labelled sets to leave out")
    parser.add_argument("--start", type=Path, default=None, help="an encoder of `dinoscope pretrain` to begin with")
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    parser.add_argument("--trial", metavar="WORDS", help="measure the outcome, and keep it under these words")
    return parser.parse_args()


if __name__ == "__main__":
    main()
