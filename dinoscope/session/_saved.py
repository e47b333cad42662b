"""A session on disk: the examples and settings, so that people go on tomorrow where they stopped today."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import NotReadyError, PromptError, SettingsError
from dinoscope.outputs import write_text
from dinoscope.prompts import (
    BoxPrompt,
    MaskPrompt,
    PointPrompt,
    PolygonPrompt,
    StrokePrompt,
    TextPrompt,
    describe_prompt,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.prompts import Prompt
    from dinoscope.session._session import Session

FORMAT, FORMAT_VERSION = "dinoscope-session", 1


@dataclass(frozen=True, slots=True, eq=False)
class SavedSession:
    """What a file tells of a session. Features and results are not in it: they are in the cache, or made again.

    Attributes
    ----------
    image_name, image_uri
        Which image it was about.
    voxels
        Its extent (z?, y, x).
    settings
        Values by stage, see `SessionSettings.to_dict`.
    prompts
        The examples.
    references
        Files of the references from elsewhere.
    muted
        Numbers of the examples that are switched off.
    """

    image_name: str
    image_uri: str
    voxels: tuple[int, ...]
    settings: dict[str, dict[str, Any]]
    prompts: tuple[Prompt, ...]
    references: tuple[Path, ...]
    muted: tuple[int, ...] = ()

    def restore(self, session: Session) -> None:
        """Give a session with the image open these examples and settings.

        Raises
        ------
        NotReadyError
            If no image is open.
        PromptError
            If it is another image: one of another extent; or an example is switched off that there is not.
        SettingsError
            If a setting does not fit this version.
        ReferenceMismatchError
            If the file of a reference is gone or damaged.
        """
        from dinoscope.reference import Reference

        if session.image is None:
            raise NotReadyError(f"open the image {self.image_name!r} ({self.image_uri}) first, then the session")
        found = _voxels(session)
        if found != self.voxels:
            raise PromptError(
                f"the examples were given on {self.image_name!r} of {self.voxels} voxels, but {session.image.name!r} "
                f"has {found}: open {self.image_uri} first"
            )
        references = [Reference.load(path) for path in self.references]
        session.settings.update(self.settings)
        session.references = references
        session.prompts = self.prompts
        session.muted = self.muted


def save_session(session: Session, path: str | Path) -> Path:
    """Write the examples and settings of a session as JSON, its references beside it; each whole or not at all.

    Raises
    ------
    NotReadyError
        If no image is open.
    StoreError
        If the disk refuses.
    """
    path = Path(path)
    if session.image is None:
        raise NotReadyError("there is no image, so there is nothing to save: open one first")
    names = [f"{path.stem}.reference-{number}.safetensors" for number in range(len(session.references))]
    for name, reference in zip(names, session.references, strict=True):
        reference.save(path.with_name(name))
    facts = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "image": {"name": session.image.name, "uri": session.image.uri, "voxels": _voxels(session)},
        "settings": session.settings.to_dict(),
        "prompts": [_written(prompt) for prompt in session.prompts],
        "references": names,
        "muted": sorted(session.muted),
    }
    return write_text(path, json.dumps(facts, indent=1))


def read_session(path: str | Path) -> SavedSession:
    """Read what `save_session` wrote.

    Raises
    ------
    SettingsError
        If the file is missing, damaged or of another version.
    """
    path = Path(path)
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if (facts["format"], facts["version"]) != (FORMAT, FORMAT_VERSION):
            raise SettingsError(f"{path} is no session of version {FORMAT_VERSION}")
        image = facts["image"]
        return SavedSession(
            image["name"],
            image["uri"],
            tuple(image["voxels"]),
            facts["settings"],
            tuple(_read(record) for record in facts["prompts"]),
            tuple(path.with_name(Path(name).name) for name in facts["references"]),
            tuple(int(number) for number in facts.get("muted", ())),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(f"{path} cannot be read as a session ({type(error).__name__}: {error})") from error


def _voxels(session: Session) -> tuple[int, ...]:
    return () if session.image is None else tuple(a.size for a in session.image.axes if a.kind == "space")


def _written(prompt: Prompt) -> dict[str, Any]:
    record = describe_prompt(prompt)
    return {**record, "runs": _runs(prompt.mask)} if isinstance(prompt, MaskPrompt) else record


def _read(record: dict[str, Any]) -> Prompt:
    name, positive = str(record["class"]), bool(record["positive"])
    match record["kind"]:
        case "point":
            z, y, x = (float(value) for value in record["position"])
            return PointPrompt((z, y, x), name, positive)
        case "box":
            low, high = _corners([record["low"], record["high"]])
            return BoxPrompt(int(record["section"]), low, high, name, positive)
        case "polygon":
            return PolygonPrompt(int(record["section"]), _corners(record["vertices"]), name, positive)
        case "stroke":
            line, width = _corners(record["vertices"]), float(record["width"])
            return StrokePrompt(int(record["section"]), line, width, name, positive)
        case "mask":
            y, x = record["origin"]
            return MaskPrompt(int(record["section"]), (int(y), int(x)), _mask(record), name, positive)
        case "text":
            return TextPrompt(str(record["text"]), name, positive, float(record["weight"]))
        case kind:
            raise SettingsError(f"an example of the kind {kind!r}: expected point, box, polygon, stroke, mask or text")


def _corners(places: list[list[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(y), float(x)) for y, x in places)


def _runs(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of the runs of equal pixels, row by row; the first one is of False and may be 0 (as COCO has them)."""
    runs = [(value, len(list(run))) for value, run in groupby(mask.ravel().tolist())]
    return [0] * bool(runs and runs[0][0]) + [length for _, length in runs]


def _mask(record: dict[str, Any]) -> NDArray[np.bool_]:
    """The mask of `_runs`."""
    runs = record["runs"]
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    mask: NDArray[np.bool_] = flat.reshape(record["shape"])
    return mask
