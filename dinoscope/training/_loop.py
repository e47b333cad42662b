"""The pre-training run: steps, checkpoints, and what is written at the end.

Design notes
------------
Everything random in step ``n`` comes from a generator seeded with ``(seed, n)``, so a run that was interrupted and
resumed draws the same crops as one that was not, and a checkpoint needs no generator's state.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from dinoscope.encoders._cards import CARD_FILE
from dinoscope.encoders._compact import COMPACT_FILE, save_compact
from dinoscope.encoders._compact_net import CompactConfig, CompactNet
from dinoscope.errors import Cancelled, OutputExistsError
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress
from dinoscope.training._calibration import calibrate
from dinoscope.training._card import Outcome, write_card
from dinoscope.training._checkpoint import CHECKPOINT_FILE, read_checkpoint, write_checkpoint
from dinoscope.training._clustering import ClusterNet, assign, dense_loss
from dinoscope.training._crops import CropSampler
from dinoscope.training._views import change_greys, crop_side, draw_mask, draw_window, take_view, warp_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dinoscope.image import Image
    from dinoscope.settings import PretrainSettings

_LOG = logging.getLogger("dinoscope")
_LOG_EVERY = 20
_WARM_UP = 0.05
_FIRST_MOMENTUM = 0.99
_WEIGHT_DECAY = 0.05
_LARGEST_GRADIENT = 3.0
_CALIBRATION_BATCHES = 32


def pretrain(
    images: Sequence[Image],
    folder: Path,
    settings: PretrainSettings,
    progress: ProgressCallback = ignore_progress,
) -> Path:
    """Train a compact encoder on unlabelled images, or go on with an interrupted run.

    Parameters
    ----------
    images
        Read lazily, crop by crop. Images whose ``uri`` lies in one folder are one source; sources are drawn equally
        often.
    folder
        Gets ``encoder.safetensors`` and the model card ``README.md``; holds the checkpoint while the run lasts.
    settings
        The recipe.
    progress
        Told after every step; if it raises `dinoscope.errors.Cancelled`, the run can be resumed from that step.

    Returns
    -------
    The path of ``encoder.safetensors``.

    Raises
    ------
    OutputExistsError
        If the folder holds an encoder already.
    SettingsError
        If there is no image, or the checkpoint in the folder is of other settings or images.
    CheckpointError
        If the checkpoint in the folder is damaged.
    AxesError
        If an image is too small.
    """
    weights = folder / COMPACT_FILE
    if weights.exists():
        raise OutputExistsError(f"{weights} is there already: name another folder, or remove it to train anew")
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(CropSampler(images), settings)
    names = [image.uri for image in images]
    checkpoint = folder / CHECKPOINT_FILE
    if checkpoint.exists():
        run.restore(read_checkpoint(checkpoint, settings, names))
    try:
        while not run.is_over:
            run.step()
            if run.done % settings.checkpoint_every == 0:
                write_checkpoint(checkpoint, run.state(), settings, names)
            progress(Progress("pretrain", run.done, settings.steps))
    except Cancelled:
        write_checkpoint(checkpoint, run.state(), settings, names)
        raise
    save_compact(run.finish(), weights)
    write_card(folder / CARD_FILE, images, settings, run.outcome)
    checkpoint.unlink(missing_ok=True)
    return weights


class _Run:
    """Student, teacher and optimiser, and how far they have come."""

    def __init__(self, sampler: CropSampler, settings: PretrainSettings) -> None:
        self.sampler = sampler
        self.settings = settings
        self.device = torch.device(settings.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            student = ClusterNet(CompactNet(CompactConfig(licence=settings.licence)), settings.prototypes)
        self.student = student.to(self.device).train()
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            self.student.parameters(), lr=settings.learning_rate, weight_decay=_WEIGHT_DECAY
        )
        self.done = 0
        self.seconds = 0.0
        self.loss = math.nan

    @property
    def elapsed(self) -> float:
        """Share of the run that is over, 0 to 1: of its steps, or of its minutes where those run out sooner."""
        minutes = self.settings.minutes
        clock = self.seconds / (60.0 * minutes) if minutes is not None else 0.0
        return min(1.0, max(self.done / self.settings.steps, clock))

    @property
    def is_over(self) -> bool:
        """Whether steps or minutes are used up."""
        return self.elapsed >= 1.0

    @property
    def outcome(self) -> Outcome:
        """What there is to tell about the run."""
        return Outcome(self.done, self.seconds, self.loss, self.teacher.encoder.parameter_count())

    def step(self) -> None:
        """One step of the optimiser and of the teacher."""
        began = time.monotonic()
        rate = self.settings.learning_rate * min(1.0, (self.elapsed + 1e-3) / _WARM_UP) * _cosine(self.elapsed)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss = self._loss(np.random.default_rng([self.settings.seed, self.done]))
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.student.parameters(), _LARGEST_GRADIENT)
        self.optimiser.step()
        self._follow(1.0 - (1.0 - _FIRST_MOMENTUM) * _cosine(self.elapsed))
        self.loss = float(loss.detach())
        self.done += 1
        self.seconds += time.monotonic() - began
        if self.done % _LOG_EVERY == 0:
            _LOG.info("pretrain step %d, %.0f s: loss %.4f, rate %.2e", self.done, self.seconds, self.loss, rate)

    def _loss(self, rng: np.random.Generator) -> torch.Tensor:
        views, masks, theta = self._draw_pairs(rng)  # 2N 1 S S; 2N 1 S S; 2N 2 3
        with torch.no_grad():
            targets = assign(self.teacher(views)).roll(self.settings.batch, dims=0)  # of the other view
            targets, valid = warp_tokens(targets, theta)
        grey = self.student.encoder.config.mean
        return dense_loss(self.student(views.masked_fill(masks, grey)), targets, valid)

    def _draw_pairs(self, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Views, what to hide of them, and the map of each into the other one; all first views, then all second."""
        settings, side = self.settings, self.settings.crop
        scales = (settings.smallest_scale, settings.largest_scale)
        views: list[list[torch.Tensor]] = [[], []]
        thetas: list[list[torch.Tensor]] = [[], []]
        for _ in range(settings.batch):
            crop = self.sampler.draw(rng, crop_side(side), scales)
            crop = 1.0 - crop if rng.random() < settings.inverted else crop
            windows = draw_window(rng), draw_window(rng)
            for which, (window, other) in enumerate((windows, windows[::-1])):
                views[which].append(change_greys(take_view(crop, window, side), rng, settings.grey_changes))
                thetas[which].append(window.towards(other).theta())
        masks = [draw_mask(rng, side, settings.masked) for _ in range(2 * settings.batch)]
        stacked = torch.stack(views[0] + views[1]).unsqueeze(1)
        hidden = torch.stack(masks).unsqueeze(1)
        return stacked.to(self.device), hidden.to(self.device), torch.stack(thetas[0] + thetas[1]).to(self.device)

    @torch.no_grad()
    def _follow(self, momentum: float) -> None:
        """The teacher's weights become the running mean of the student's."""
        for mean, value in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            mean.lerp_(value, 1.0 - momentum)

    def finish(self) -> CompactNet:
        """The teacher's network, calibrated on unchanged crops."""
        rng = np.random.default_rng([self.settings.seed, self.settings.steps, 1])
        side, batch = 2 * self.settings.crop, self.settings.batch
        crops = [
            torch.stack([self.sampler.draw(rng, side, (1.0, 1.0)) for _ in range(batch)]).unsqueeze(1).to(self.device)
            for _ in range(_CALIBRATION_BATCHES)
        ]
        calibrate(self.teacher.encoder, crops)
        return self.teacher.encoder

    def state(self) -> dict[str, object]:
        """All that `restore` needs."""
        return {
            "done": self.done,
            "seconds": self.seconds,
            "loss": self.loss,
            "student": self.student.state_dict(),
            "teacher": self.teacher.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, object]) -> None:
        """Go on from a checkpoint."""
        self.student.load_state_dict(state["student"])  # type: ignore[arg-type]
        self.teacher.load_state_dict(state["teacher"])  # type: ignore[arg-type]
        self.optimiser.load_state_dict(state["optimiser"])  # type: ignore[arg-type]
        self.done = int(state["done"])  # type: ignore[call-overload]
        self.seconds, self.loss = float(state["seconds"]), float(state["loss"])  # type: ignore[arg-type]


def _cosine(share: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * share))
