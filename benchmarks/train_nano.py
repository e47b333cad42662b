"""Make the bundled encoder: ``python -m benchmarks.train_nano FOLDER [--minutes M] [--seed S] [--start ENCODER]``.

Trains on the labelled sets of `benchmarks._labelled` and on nothing else. The first weights are random, or those of an
encoder that `dinoscope pretrain` made. An interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch

from benchmarks._data import data_folder
from benchmarks._labelled import labelled_sets
from dinoscope.encoders._compact import CompactConfig, read_compact_net
from dinoscope.settings import SuperviseSettings
from dinoscope.training._supervise import new_net, supervise

CONFIG = CompactConfig(widths=(24, 48, 128), dilations=((1,), (1,), (1, 2, 2)), channels=64, licence="BSD-3-Clause")


def main() -> None:
    """Train, and say where the weights are."""
    asked = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(asked.threads)
    settings = SuperviseSettings(steps=asked.steps, minutes=asked.minutes, seed=asked.seed, episodes=asked.episodes)
    net = new_net(CONFIG, asked.seed) if asked.start is None else read_compact_net(asked.start)
    weights = supervise(labelled_sets(data_folder()), asked.folder, settings, net)
    print(f"{weights}: {net.parameter_count():,} parameters")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="gets encoder.safetensors")
    parser.add_argument("--minutes", type=float, default=None, help="end after this much wall time")
    parser.add_argument("--steps", type=int, default=SuperviseSettings().steps, help="optimiser steps")
    parser.add_argument("--seed", type=int, default=0, help="decides everything that is random")
    parser.add_argument("--episodes", type=float, default=SuperviseSettings().episodes, help="weight of the prompts")
    parser.add_argument("--start", type=Path, default=None, help="an encoder of `dinoscope pretrain` to begin with")
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
