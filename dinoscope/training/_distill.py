"""Distillation of any encoder into the compact one, on images of one's own.

Design notes
------------
The student answers in the teacher's own space: its last convolution has the teacher's channels, and a constant adds the
teacher's mean. References made with the teacher therefore work with the student. Its patches are finer than the
teacher's; at training, its features are read between them at the centres of the teacher's patches, and the crops are
shifted against its own grid by a random part of a stride, so that every place of a patch learns what a patch is.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from dinoscope.encoders._compact import COMPACT_FILE, CompactConfig, CompactEncoder, CompactNet, save_compact
from dinoscope.errors import OutputExistsError
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress
from dinoscope.training._card import CARD_FILE
from dinoscope.training._crops import CropSampler
from dinoscope.training._distilled_card import Distilled, write_distilled_card
from dinoscope.training._teacher import Lessons, ask_teacher, split_images

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.image import Image
    from dinoscope.settings import DistillSettings

_LOG = logging.getLogger("dinoscope")
_EXAM_CROPS = 8
_RIM = 5
"""Teacher patches at the rim of a crop that do not count: neither network sees their surroundings."""
_WEIGHT_DECAY = 0.01
_LARGEST_GRADIENT = 1.0


def distill(
    images: Sequence[Image],
    teacher: Encoder,
    folder: Path,
    settings: DistillSettings,
    progress: ProgressCallback = ignore_progress,
) -> Distilled:
    """Train a compact encoder to give the features of another one on these images.

    Parameters
    ----------
    images
        What the student is for, with axes ``(z?, y, x, s?)``. A tenth is held out for the exam.
    teacher
        Any encoder.
    folder
        Gets ``encoder.safetensors`` and the model card ``README.md``.
    settings
        The recipe.
    progress
        Told after every crop of the teacher and after every step.

    Raises
    ------
    OutputExistsError
        If the folder holds an encoder already.
    SettingsError
        If there is too little to learn from.
    """
    weights = folder / COMPACT_FILE
    if weights.exists():
        raise OutputExistsError(f"{weights} is there already: name another folder, or remove it to train anew")
    folder.mkdir(parents=True, exist_ok=True)
    learning, exam = split_images(images, teacher.spec.tile)
    lessons = ask_teacher(teacher, CropSampler(learning), settings.crops, settings.seed, progress)
    run = _Run(lessons, teacher, settings)
    while not run.is_over:
        run.step()
        progress(Progress("distill", run.done, settings.steps))
    questions = ask_teacher(teacher, CropSampler(exam), _EXAM_CROPS, settings.seed + 1, ignore_progress)
    save_compact(run.net.eval(), weights)
    cosines = _examine(run.net, questions, run.mean)
    parameters = run.net.parameter_count()
    speed = _speed_ratio(teacher, CompactEncoder(run.net, "student", settings.device))
    outcome = Distilled(*cosines, speed, parameters, run.done)
    write_distilled_card(folder / CARD_FILE, images, teacher.spec, settings, outcome)
    return outcome


class _Run:
    """Student and optimiser, and how far they have come."""

    def __init__(self, lessons: Lessons, teacher: Encoder, settings: DistillSettings) -> None:
        self.lessons = lessons
        self.settings = settings
        self.device = torch.device(settings.device)
        mean, spread = lessons.moments()
        self.mean = torch.from_numpy(mean).to(self.device)
        self.spread = torch.from_numpy(spread).to(self.device)
        self.net = _student(teacher, mean, settings).to(self.device)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=settings.learning_rate, weight_decay=_WEIGHT_DECAY)
        self.done = 0
        self.seconds = 0.0

    @property
    def elapsed(self) -> float:
        """Share of the run that is over: of its steps, or of its minutes where those run out sooner."""
        clock = self.seconds / (60.0 * self.settings.minutes) if self.settings.minutes else 0.0
        return float(min(1.0, max(self.done / self.settings.steps, clock)))

    @property
    def is_over(self) -> bool:
        """Whether steps or minutes are used up."""
        return self.elapsed >= 1.0

    def step(self) -> None:
        """One step of the optimiser."""
        began = time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * self.elapsed))
        rng = np.random.default_rng([self.settings.seed, 2, self.done])
        chosen = rng.integers(len(self.lessons.pixels), size=self.settings.batch)
        shift = rng.integers(self.net.config.stride, size=2)
        said = torch.from_numpy(self.lessons.tokens[chosen]).to(self.device, torch.float32)  # N h w C
        pixels = torch.from_numpy(self.lessons.pixels[chosen]).to(self.device)
        answer = read_at_patches(self.net, pixels, self.lessons.stride, (int(shift[0]), int(shift[1])))
        loss = self._loss(_inner(answer), _inner(said))
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), _LARGEST_GRADIENT * len(self.spread) ** 0.5)
        self.optimiser.step()
        self.done += 1
        self.seconds += time.monotonic() - began
        if self.done % 20 == 0:
            _LOG.info("distil step %d, %.0f s: loss %.4f", self.done, self.seconds, float(loss.detach()))

    def _loss(self, answer: torch.Tensor, said: torch.Tensor) -> torch.Tensor:
        """Angle and size, both relative to the teacher's mean: the mean itself is known."""
        answer, said = answer - self.mean, said - self.mean
        angle = 1.0 - F.cosine_similarity(answer, said, dim=-1).mean()
        return angle + F.smooth_l1_loss(answer / self.spread, said / self.spread)


def read_at_patches(
    net: CompactNet, pixels: torch.Tensor, stride: int, shift: tuple[int, int] = (0, 0)
) -> torch.Tensor:
    """Features of the student, interpolated at the centres of the teacher's patches.

    Parameters
    ----------
    net
        The student.
    pixels
        Shape (N, H, W).
    stride
        Pixels per patch of the teacher.
    shift
        Rows and columns mirrored on at the top and at the left, which moves the student's grid over the picture.

    Returns
    -------
    Tensor of shape (N, H / stride, W / stride, C).
    """
    own, size = net.config.stride, pixels.shape[1:]
    after = [-(n + s) % own for n, s in zip(size, shift, strict=True)]
    padded = F.pad(pixels[:, None], (shift[1], after[1], shift[0], after[0]), mode="reflect")
    features = net(padded)  # N C h w
    rows, columns = (
        ((torch.arange(n // stride) + 0.5) * stride + s) / (own * count) * 2.0 - 1.0
        for n, s, count in zip(size, shift, features.shape[2:], strict=True)
    )
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)  # h w 2, as x and y
    grid = grid.to(features).expand(len(pixels), -1, -1, -1)
    read = F.grid_sample(features, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return read.movedim(1, -1)


def _student(teacher: Encoder, mean: NDArray[np.float32], settings: DistillSettings) -> CompactNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        spec = teacher.spec
        net = CompactNet(CompactConfig(channels=spec.channels, licence=spec.licence, space=spec.feature_space))
    net.train()
    last = net.standardise
    # In evaluation mode the last normalisation is (x - mean) / sqrt(var + eps): it adds the teacher's mean, no more.
    last.load_state_dict({
        **last.state_dict(),
        "running_mean": -torch.from_numpy(mean),
        "running_var": torch.full((len(mean),), 1.0 - getattr(last, "eps", 0.0)),
    })  # fmt: skip
    last.train(mode=False)
    return net


def _inner(tokens: torch.Tensor) -> torch.Tensor:
    rim = _RIM if min(tokens.shape[1:3]) > 2 * _RIM else 0
    return tokens[:, rim : tokens.shape[1] - rim, rim : tokens.shape[2] - rim]


@torch.no_grad()
def _examine(net: CompactNet, questions: Lessons, mean: torch.Tensor) -> tuple[float, float]:
    """Mean cosine with the teacher, as it is and without the teacher's mean."""
    net.eval()
    pixels = torch.from_numpy(questions.pixels).to(mean.device)
    parts = [read_at_patches(net, part, questions.stride) for part in pixels.split(1)]  # type: ignore[no-untyped-call]
    answer = _inner(torch.cat(parts))
    said = _inner(torch.from_numpy(questions.tokens).to(mean))
    plain = F.cosine_similarity(answer, said, dim=-1).mean()
    centred = F.cosine_similarity(answer - mean, said - mean, dim=-1).mean()
    return float(plain), float(centred)


def _speed_ratio(teacher: Encoder, student: CompactEncoder) -> float:
    """Seconds per pixel of the teacher over those of the student, each on its own tile, in turn."""
    ratios = []
    for _ in range(6):
        spent = []
        for encoder in (teacher, student):
            side = encoder.spec.tile
            blank = np.zeros((1, side, side), np.float32)
            began = time.perf_counter()
            encoder.encode(blank)
            spent.append((time.perf_counter() - began) / side**2)
        ratios.append(spent[0] / spent[1])
    return float(np.median(ratios[1:]))  # the first one warms up
