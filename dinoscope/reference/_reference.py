"""The value: examples in feature space, and the patches around them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.encoders import EncoderSpec
from dinoscope.errors import ReferenceMismatchError
from dinoscope.geometry import Region
from dinoscope.reference._files import read_file, write_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The patches around one example.

    Attributes
    ----------
    image
        Digest of the image's content: patches of one image on one grid are the same patch wherever windows overlap.
    patches
        The patches (z, gy, gx) that count.
    read
        `patches` and a margin of context where the image has it.
    centre
        The patch (z, gy, gx) in the middle of the example.
    features
        Of `read`, shape (h, w, C), in half precision as in the store: there may be hundreds of windows.
    grid
        Side of a patch and working pixels per voxel: at another scale, or in more passes, patches of the same indices
        lie elsewhere. Zeros in files that do not tell.
    """

    image: str
    patches: Region
    read: Region
    centre: tuple[int, ...]
    features: NDArray[np.float16]
    grid: tuple[int, float] = (0, 0.0)

    @property
    def is_nowhere(self) -> bool:
        """Whether there are no patches, as of a text."""
        return not self.features.size

    @classmethod
    def nowhere(cls, channels: int) -> Window:
        """The window of an example that lies in no image."""
        nothing = Region((0, 0, 0), (0, 0, 0))
        return cls("", nothing, nothing, (0, 0, 0), np.zeros((0, 0, channels), np.float16))

    @property
    def facts(self) -> dict[str, Any]:
        """All but the features, as plain JSON values."""
        return {
            "image": self.image,
            "patches": [self.patches.start, self.patches.stop],
            "read": [self.read.start, self.read.stop],
            "centre": self.centre,
            "grid": self.grid,
        }

    @classmethod
    def of(cls, facts: dict[str, Any], features: NDArray[np.float16]) -> Window:
        """The window that told these facts of itself."""
        stride, scale = facts.get("grid", (0, 0.0))
        patches, read, centre = _region(facts["patches"]), _region(facts["read"]), tuple(facts["centre"])
        return cls(facts["image"], patches, read, centre, features, (int(stride), float(scale)))


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Examples in feature space.

    Attributes
    ----------
    classes
        Names of the K classes.
    vectors
        One feature vector per example, shape (P, C), float32; that of a text is as long as the text's weight.
    class_index
        Class of each example, shape (P,), 0 to K - 1.
    positive
        Its sign, shape (P,).
    windows
        The patches around each example, none around a text; one per example.
    encoder
        The encoder the features came from.
    pixel_size_nm
        Side of a working pixel, or None where it is unknown.
    provenance
        One JSON record per example: the image and the prompt.
    """

    classes: tuple[str, ...]
    vectors: NDArray[np.float32]
    class_index: NDArray[np.int64]
    positive: NDArray[np.bool_]
    windows: tuple[Window, ...]
    encoder: EncoderSpec
    pixel_size_nm: float | None
    provenance: tuple[dict[str, Any], ...]

    @property
    def is_text(self) -> NDArray[np.bool_]:
        """Which of the examples are texts, shape (P,): they come from a text encoder and lie in no image."""
        return np.array([window.is_nowhere for window in self.windows], bool)

    def save(self, path: str | Path) -> Path:
        """Write the reference as one safetensors file with a JSON header, whole or not at all.

        Raises
        ------
        StoreError
            If the disk refuses, or there is no such folder.
        """
        path = Path(path)
        tensors: dict[str, NDArray[Any]] = {
            "vectors": self.vectors,
            "class_index": self.class_index,
            "positive": self.positive,
            **{f"window.{i}": window.features for i, window in enumerate(self.windows)},
        }
        write_file(path, tensors, self._header())
        return path

    @classmethod
    def load(cls, path: str | Path) -> Reference:
        """Read what `save` wrote.

        Raises
        ------
        ReferenceMismatchError
            If the file is missing, damaged or not a reference of this version.
        """
        tensors, header = read_file(path)
        windows = (Window.of(facts, tensors[f"window.{i}"]) for i, facts in enumerate(header["windows"]))
        return cls(
            tuple(header["classes"]),
            tensors["vectors"],
            tensors["class_index"],
            tensors["positive"],
            tuple(windows),
            EncoderSpec.from_dict(header["encoder"]),
            header["pixel_size_nm"],
            tuple(header["provenance"]),
        )

    def _header(self) -> dict[str, Any]:
        return {
            "classes": self.classes,
            "encoder": self.encoder.to_dict(),
            "pixel_size_nm": self.pixel_size_nm,
            "provenance": self.provenance,
            "windows": [window.facts for window in self.windows],
        }


def pool_references(references: Sequence[Reference]) -> Reference:
    """One reference from the examples of several, as if all had been given at once.

    Raises
    ------
    ReferenceMismatchError
        If there is none, or they come from different encoders.
    """
    if not references:
        raise ReferenceMismatchError("there are no references to pool")
    first = references[0]
    for other in references[1:]:
        check_same_encoder(first.encoder, other.encoder)
    names = tuple(dict.fromkeys(name for reference in references for name in reference.classes))
    places = [np.array([names.index(name) for name in reference.classes]) for reference in references]
    return Reference(
        classes=names,
        vectors=np.concatenate([reference.vectors for reference in references]),
        class_index=np.concatenate([p[r.class_index] for p, r in zip(places, references, strict=True)]),
        positive=np.concatenate([reference.positive for reference in references]),
        windows=tuple(window for reference in references for window in reference.windows),
        encoder=first.encoder,
        pixel_size_nm=next((r for r in references if not r.is_text.all()), first).pixel_size_nm,
        provenance=tuple(record for reference in references for record in reference.provenance),
    )


def check_same_encoder(reference: EncoderSpec, features: EncoderSpec) -> None:
    """Make sure that two sets of features live in the same space.

    Raises
    ------
    ReferenceMismatchError
        If their weights differ.
    """
    if reference.feature_space != features.feature_space:
        raise ReferenceMismatchError(
            f"the reference was made with encoder {reference.name} (weights {reference.fingerprint}), "
            f"the features with {features.name} (weights {features.fingerprint}): use the same encoder for both, "
            "or one that was distilled from it"
        )


def _region(corners: list[list[int]]) -> Region:
    return Region(tuple(corners[0]), tuple(corners[1]))
