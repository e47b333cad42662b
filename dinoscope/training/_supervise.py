"""Supervised training of the compact encoder: many labelled sets at once, and prompts drawn from their objects.

Two losses act on the same features. A linear head per set has to name the classes of every patch, which makes
features of different sets share what borders, membranes and bodies have in common. An episode does what DINOSim does
at inference: the mean of a few patches of one class is the prompt, and the distance to it has to tell the patches of
the class from the others (prototypical networks, Snell et al. 2017, https://arxiv.org/abs/1703.05175).

Everything random in step ``n`` comes from a generator seeded with ``(seed, n)``, as in the pre-training.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional

from dinoscope.encoders._compact import COMPACT_FILE, save_compact
from dinoscope.encoders._compact_net import CompactConfig, CompactNet
from dinoscope.errors import Cancelled, OutputExistsError, SettingsError
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress
from dinoscope.training._calibration import calibrate
from dinoscope.training._checkpoint import read_checkpoint, write_checkpoint
from dinoscope.training._targets import draw_labelled
from dinoscope.training._views import change_greys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dinoscope.settings import SuperviseSettings
    from dinoscope.training._targets import Crops, LabelledSet

SUPERVISE_CHECKPOINT = "supervise.ckpt"
"""Name of the checkpoint inside of the folder that gets the encoder."""

_LOG = logging.getLogger("dinoscope")
_LOG_EVERY = 20
_WARM_UP = 0.05
_WEIGHT_DECAY = 0.05
_LARGEST_GRADIENT = 3.0
_LARGEST_WEIGHT = 5.0
_CALIBRATION_BATCHES = 24
_PROMPT_PATCHES = 5
_FEWEST_PATCHES = 4
_MOSTLY, _HARDLY = 0.7, 0.1
"""Shares of a patch from and up to which it is of a class, and is not of it: there have to be some of both."""
_ALL_BUT_ALL = 0.99


def supervise(
    sets: Sequence[LabelledSet],
    folder: Path,
    settings: SuperviseSettings,
    net: CompactNet,
    progress: ProgressCallback = ignore_progress,
) -> Path:
    """Train a compact encoder on labelled sets, or go on with an interrupted run.

    Parameters
    ----------
    sets
        Every one gives the same number of crops to every step.
    folder
        Gets ``encoder.safetensors``; holds the checkpoint while the run lasts.
    settings
        The recipe.
    net
        Where to start, not folded; changed in place.
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
        If there is no set, or the checkpoint in the folder is of other settings or sets.
    CheckpointError
        If the checkpoint in the folder is damaged.
    """
    weights = folder / COMPACT_FILE
    if weights.exists():
        raise OutputExistsError(f"{weights} is there already: name another folder, or remove it to train anew")
    folder.mkdir(parents=True, exist_ok=True)
    run = SuperviseRun(sets, settings, net)
    names = [f"{each.name}: {', '.join(each.classes)}" for each in sets]
    checkpoint = folder / SUPERVISE_CHECKPOINT
    if checkpoint.exists():
        run.restore(read_checkpoint(checkpoint, settings, names))
    try:
        while not run.is_over:
            run.step()
            if run.done % settings.checkpoint_every == 0:
                write_checkpoint(checkpoint, run.state(), settings, names)
            progress(Progress("supervise", run.done, settings.steps))
    except Cancelled:
        write_checkpoint(checkpoint, run.state(), settings, names)
        raise
    save_compact(run.finish(), weights)
    checkpoint.unlink(missing_ok=True)
    return weights


def new_net(config: CompactConfig, seed: int) -> CompactNet:
    """A network with random weights that depend on nothing but the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CompactNet(config)


class _Heads(nn.Module):
    """One linear layer per set on the features, and how episodes turn distances into logits."""

    def __init__(self, sets: Sequence[LabelledSet], channels: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Conv2d(channels, len(each.classes), 1) for each in sets)
        self.slope = nn.Parameter(torch.tensor(2.0))
        self.offset = nn.Parameter(torch.tensor(1.0))


class SuperviseRun:
    """Network, heads and optimiser, and how far they have come.

    Parameters
    ----------
    sets
        At least one.
    settings
        The recipe.
    net
        Trained in place.

    Raises
    ------
    SettingsError
        If there is no set.
    """

    def __init__(self, sets: Sequence[LabelledSet], settings: SuperviseSettings, net: CompactNet) -> None:
        if not sets:
            raise SettingsError("there are no labelled sets to train on: expected at least one")
        self.sets = sets
        self.settings = settings
        self.device = torch.device(settings.device)
        self.net = net.to(self.device).train()
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # an eighth faster on a CPU
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.heads = _Heads(sets, net.config.channels).to(self.device)
        self.weights = [_class_weights(each).to(self.device) for each in sets]
        self._parameters = [*self.net.parameters(), *self.heads.parameters()]
        self.optimiser = torch.optim.AdamW(self._parameters, lr=settings.learning_rate, weight_decay=_WEIGHT_DECAY)
        self.done = 0
        self.seconds = 0.0
        self.losses = (math.nan, math.nan)

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

    def step(self) -> None:
        """One step of the optimiser."""
        began = time.monotonic()
        falling = 0.5 * (1.0 + math.cos(math.pi * self.elapsed))
        rate = self.settings.learning_rate * min(1.0, (self.elapsed + 1e-3) / _WARM_UP) * falling
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        dense, episodes = self._losses(np.random.default_rng([self.settings.seed, self.done]))
        self.optimiser.zero_grad()
        (dense + self.settings.episodes * episodes).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, _LARGEST_GRADIENT)
        self.optimiser.step()
        self.losses = float(dense.detach()), float(episodes.detach())
        self.done += 1
        self.seconds += time.monotonic() - began
        if self.done % _LOG_EVERY == 0:
            _LOG.info("supervise step %d, %.0f s: dense %.4f, episodes %.4f", self.done, self.seconds, *self.losses)

    def _losses(self, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Of the heads and of the episodes, each the mean over the sets."""
        drawn = [self._draw(source, rng) for source in self.sets]
        features = self.net(torch.cat([each.grey for each in drawn]).unsqueeze(1).to(self.device))  # S*N C h w
        dense: list[torch.Tensor] = []
        episodes: list[torch.Tensor] = []
        for which, (tokens, crops) in enumerate(zip(features.split(self.settings.batch), drawn, strict=True)):
            certain = (crops.known > _ALL_BUT_ALL).to(self.device)  # N h w
            shares = crops.shares.to(self.device).movedim(1, 0)[:, certain]  # K T
            logits = self.heads.heads[which](tokens).movedim(1, 0)[:, certain]
            weight = self.weights[which][:, None]
            dense.append(functional.binary_cross_entropy_with_logits(logits, shares, pos_weight=weight))
            patches = tokens.movedim(1, 0)[:, certain]  # C T: the crops of one picture are one episode
            episodes.extend(self._episode(patches, share, rng) for share in shares if _is_askable(share))
        return torch.stack(dense).mean(), torch.stack(episodes).mean() if episodes else features.new_zeros(())

    def _draw(self, source: LabelledSet, rng: np.random.Generator) -> Crops:
        """Crops of one picture, as one other microscope might show them."""
        crops = draw_labelled(source, rng, self.settings.crop, self.net.config.stride, self.settings.batch)
        changed = degrade(crops.grey.flatten(0, 1), rng, self.settings)  # one above the other
        return replace(crops, grey=changed.reshape(crops.grey.shape))

    def _episode(self, features: torch.Tensor, share: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """How badly the distance to a prompt tells how much of a patch is of a class: both sides of it count alike."""
        members = (share >= _MOSTLY).nonzero()[:, 0].cpu().numpy()
        count = min(int(rng.integers(1, _PROMPT_PATCHES + 1)), len(members) // 2)
        chosen = torch.from_numpy(rng.choice(members, size=count, replace=False)).to(features.device)
        prompt = features[:, chosen].mean(dim=1, keepdim=True)
        distance = (features - prompt).square().mean(dim=0)  # T
        logits = self.heads.offset - self.heads.slope * distance
        missed = (share * functional.softplus(-logits)).sum() / share.sum()
        false = ((1 - share) * functional.softplus(logits)).sum() / (1 - share).sum()
        return 0.5 * (missed + false)

    def finish(self) -> CompactNet:
        """The network, calibrated on crops whose greys are not changed."""
        rng = np.random.default_rng([self.settings.seed, self.settings.steps, 1])
        side, stride = self.settings.crop, self.net.config.stride
        batches = [
            torch.cat([draw_labelled(s, rng, side, stride, 2).grey for s in self.sets]).unsqueeze(1)
            for _ in range(_CALIBRATION_BATCHES)
        ]
        calibrate(self.net, [batch.to(self.device) for batch in batches])
        return self.net

    def state(self) -> dict[str, object]:
        """All that `restore` needs."""
        return {
            "done": self.done,
            "seconds": self.seconds,
            "net": self.net.state_dict(),
            "heads": self.heads.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, object]) -> None:
        """Go on from a checkpoint."""
        self.net.load_state_dict(state["net"])  # type: ignore[arg-type]
        self.heads.load_state_dict(state["heads"])  # type: ignore[arg-type]
        self.optimiser.load_state_dict(state["optimiser"])  # type: ignore[arg-type]
        self.done, self.seconds = int(state["done"]), float(state["seconds"])  # type: ignore[call-overload, arg-type]


def degrade(grey: torch.Tensor, rng: np.random.Generator, settings: SuperviseSettings) -> torch.Tensor:
    """A crop (H, W) as another microscope might show it: grainy, of other greys, perhaps a negative."""
    if rng.random() < settings.inverted:
        grey = 1.0 - grey
    if rng.random() < settings.grainy:
        noise = ndimage.gaussian_filter(rng.normal(size=tuple(grey.shape)), rng.uniform(0.7, 3.0))
        grain = noise * (rng.uniform(0.03, 0.18) / noise.std())
        grey = (grey + torch.from_numpy(grain.astype(np.float32))).clamp(0.0, 1.0)
    return change_greys(grey, rng, settings.grey_changes)


def _is_askable(share: torch.Tensor) -> bool:
    return int((share >= _MOSTLY).sum()) >= _FEWEST_PATCHES and int((share <= _HARDLY).sum()) >= _FEWEST_PATCHES


def _class_weights(source: LabelledSet) -> torch.Tensor:
    """What a patch of each class counts against one that is not of it: the root of the odds against it, 1 to 5."""
    shares = np.clip(source.shares(), 1e-6, 1.0)
    weights = np.clip(np.sqrt((1.0 - shares) / shares), 1.0, _LARGEST_WEIGHT)
    return torch.from_numpy(weights.astype(np.float32))
