"""Distillation of any encoder into the compact one, on images of one's own.

Design notes
------------
The student answers in the teacher's own space: its last convolution has the teacher's channels, and a constant adds the
teacher's mean. References made with the teacher therefore work with the student. Its patches are finer than the
teacher's: at training, the crops are shifted against its grid by a random part of a stride, so that every place of a
patch learns what a patch is. The exam takes the student's features as they are, see `training._student`.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from dinoscope.encoders._cards import CARD_FILE
from dinoscope.encoders._compact import COMPACT_FILE, CompactEncoder, save_compact
from dinoscope.errors import OutputExistsError
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress
from dinoscope.training._crops import CropSampler
from dinoscope.training._distilled_card import Distilled, write_distilled_card
from dinoscope.training._student import new_student, read_at_patches, read_common_patches
from dinoscope.training._teacher import Lessons, ask_teacher, lesson_side, split_images

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dinoscope.encoders import Encoder
    from dinoscope.encoders._compact_net import CompactNet
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
    learning, exam = split_images(images, lesson_side(teacher.spec))
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
    outcome = Distilled(*cosines, lessons.position_share(), speed, parameters, run.done)
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
        self.net = new_student(teacher.spec, lessons, settings.seed).to(self.device)
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


def _inner(tokens: torch.Tensor) -> torch.Tensor:
    rows, columns = (slice(*_inside(count)) for count in tokens.shape[1:3])
    return tokens[:, rows, columns]


def _inside(count: int) -> tuple[int, int]:
    rim = _RIM if count > 2 * _RIM else 0
    return rim, count - rim


@torch.no_grad()
def _examine(net: CompactNet, questions: Lessons, mean: torch.Tensor) -> tuple[float, float]:
    """Mean cosine with the teacher, as it is and without the teacher's mean, over all patches but those at the rim."""
    rows, columns = (slice(*_inside(count)) for count in questions.tokens.shape[1:3])
    cosines = torch.full((2, *questions.tokens.shape[:3]), math.nan)
    for number in range(len(questions.pixels)):
        pixels = torch.from_numpy(questions.pixels[number : number + 1]).to(mean.device)
        said = torch.from_numpy(questions.tokens[number : number + 1]).to(mean)
        for answer, (y, x) in read_common_patches(net, pixels, questions.stride):
            truth = said[:, y, x]
            cosines[0, number, y, x] = F.cosine_similarity(answer, truth, dim=-1)[0].cpu()
            cosines[1, number, y, x] = F.cosine_similarity(answer - mean, truth - mean, dim=-1)[0].cpu()
    plain, centred = cosines[:, :, rows, columns].mean(dim=(1, 2, 3)).tolist()
    return plain, centred


def _speed_ratio(teacher: Encoder, student: CompactEncoder) -> float:
    """Seconds per pixel of the teacher over those of the student, each on its own lesson, in turn."""
    ratios = []
    for _ in range(6):
        spent = []
        for encoder in (teacher, student):
            side = lesson_side(encoder.spec)
            blank = np.zeros((1, side, side), np.float32)
            began = time.perf_counter()
            encoder.encode(blank)
            spent.append((time.perf_counter() - began) / side**2)
        ratios.append(spent[0] / spent[1])
    return float(np.median(ratios[1:]))  # the first one warms up
