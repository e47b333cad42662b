"""Networks that compute in fewer bits: the same features within rounding, kept apart from exact ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import zarr

from dinoscope.encoders import EncoderSpec, create_encoder, in_passes, in_precision, random_dinov2
from dinoscope.encoders._precision import computes_bfloat16, pick_precision
from dinoscope.errors import SettingsError, StoreMismatchError
from dinoscope.features import FeatureStore, Manifest, extract_features, plan_features
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference
from dinoscope.session import Session
from dinoscope.settings import IntensitySettings, ReferenceSettings, SimilaritySettings, TilingSettings
from dinoscope.similarity import compare
from dinoscope.testing import FakeEncoder
from tests.commands import refuse, run

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.image import Image

CPU = torch.device("cpu")
SIDE = 168
"""A multiple of the strides of both encoders, also in two passes."""


@pytest.fixture(scope="module")
def exact() -> Encoder:
    return random_dinov2("small")


@pytest.fixture(scope="module", params=["dinov2", "nano"])
def either(request: pytest.FixtureRequest, exact: Encoder) -> Encoder:
    return exact if request.param == "dinov2" else create_encoder("nano", "cpu")


def pictures(count: int = 1) -> NDArray[np.float32]:
    """Smooth grey blobs with some noise: patches that differ."""
    rng = np.random.default_rng(1)
    coarse = np.kron(rng.random((count, SIDE // 14, SIDE // 14)), np.ones((14, 14)))
    return (0.8 * coarse + 0.2 * rng.random((count, SIDE, SIDE))).astype(np.float32)


def deviations(found: NDArray[np.float32], expected: NDArray[np.float32]) -> NDArray[np.float32]:
    """Length of the difference of every patch, in lengths of what is expected."""
    gap: NDArray[np.float32] = np.linalg.norm(found - expected, axis=-1) / np.linalg.norm(expected, axis=-1)
    return gap


@pytest.mark.parametrize(("precision", "mean", "most"), [("bfloat16", 0.012, 0.03), ("float16", 0.002, 0.005)])
@pytest.mark.parametrize("passes", [1, 2])
def test_fewer_bits_are_the_same_features_within_their_rounding(
    either: Encoder, precision: str, mean: float, most: float, passes: int
) -> None:
    plain, rounded = in_passes(either, passes), in_precision(in_passes(either, passes), precision)
    expected, found = plain.encode(pictures()), rounded.encode(pictures())
    assert found.dtype == np.float32
    assert 0 < deviations(found, expected).mean() < mean
    assert deviations(found, expected).max() < most
    np.testing.assert_array_equal(plain.encode(pictures()), expected, err_msg="the exact one was touched")


@pytest.mark.parametrize(("precision", "most"), [("float32", 1e-5), ("bfloat16", 0.01)])
def test_a_picture_has_the_same_features_alone_and_among_others(either: Encoder, precision: str, most: float) -> None:
    """On most machines to the bit; a processor may add up in another order when there is more to do."""
    encoder, many = in_precision(either, precision), pictures(3)
    together = encoder.encode(many)
    for picture, features in zip(many, together, strict=True):
        assert deviations(encoder.encode(picture[np.newaxis])[0], features).max() < most


def test_the_facts_tell_the_precision_and_no_other_space(exact: Encoder) -> None:
    rounded = in_precision(exact, "bfloat16")
    assert (exact.spec.precision, rounded.spec.precision) == ("float32", "bfloat16")
    assert rounded.spec == replace(exact.spec, precision="bfloat16")
    assert rounded.spec.feature_space == exact.spec.feature_space
    assert in_passes(rounded, 2).spec.precision == "bfloat16"
    assert in_precision(rounded, "auto").spec == exact.spec
    assert EncoderSpec.from_dict(json.loads(json.dumps(rounded.spec.to_dict()))) == rounded.spec


def test_what_an_encoder_is_made_for_goes_into_its_facts() -> None:
    assert create_encoder("nano", "cpu").spec.precision == "float32"
    fine = create_encoder("nano", "cpu", passes=2, precision="bfloat16")
    assert (fine.spec.precision, fine.spec.stride) == ("bfloat16", 4)


def test_an_encoder_without_a_choice_says_so() -> None:
    fake = FakeEncoder()
    assert in_precision(fake, "auto") is in_precision(fake, "fastest") is in_precision(fake, "float32") is fake
    with pytest.raises(SettingsError, match=r"'bfloat16' with the encoder 'fake'.*float32 only: choose auto"):
        in_precision(fake, "bfloat16")


@pytest.mark.parametrize(
    ("able", "fastest"),
    [({}, "float32"), ({"avx2": True, "avx512_bf16": False}, "float32"), ({"avx512_bf16": True}, "bfloat16"),
     ({"amx_bf16": True}, "bfloat16")],
)  # fmt: skip
def test_the_fastest_is_what_the_processor_says_it_can(
    able: dict[str, bool], fastest: str, monkeypatch: pytest.MonkeyPatch, exact: Encoder
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    assert pick_precision("fastest", CPU) == fastest
    assert in_precision(exact, "fastest").spec.precision == fastest
    assert pick_precision("auto", CPU) == "float32"
    assert pick_precision("fastest", torch.device("cuda:1"), "float16") == "float16"
    assert pick_precision("fastest", torch.device("mps")) == "float32"


def test_a_torch_that_does_not_tell_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not computes_bfloat16()


@pytest.mark.parametrize(
    ("name", "device", "message"),
    [
        ("bfloat16", "mps", "'bfloat16' on the device 'mps': expected auto, fastest, float32$"),
        ("int8", "cpu", "'int8' on the device 'cpu': expected auto, fastest, float32, bfloat16, float16$"),
    ],
)
def test_a_precision_that_a_device_does_not_have(name: str, device: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        pick_precision(name, torch.device(device))


def planned(image: Image, encoder: Encoder) -> Manifest:
    return plan_features(image, encoder.spec, TilingSettings(tile=SIDE, halo=14), IntensitySettings())


def test_a_store_holds_one_precision(exact: Encoder, tmp_path: Path) -> None:
    image, rounded = open_image(pictures()[0]), in_precision(exact, "bfloat16")
    manifests = [planned(image, encoder) for encoder in (exact, rounded)]
    assert manifests[0].key != manifests[1].key
    store = FeatureStore.create(tmp_path / "store.zarr", manifests[0])
    with pytest.raises(StoreMismatchError, match=r"in float32.*in bfloat16.*in that precision"):
        extract_features(image, rounded, store)
    with pytest.raises(StoreMismatchError, match=r"encoder precision float32, but encoder precision bfloat16"):
        FeatureStore.open_or_create(tmp_path / "store.zarr", manifests[1])


def test_stores_from_before_there_was_a_choice_are_found(exact: Encoder, tmp_path: Path) -> None:
    manifest = planned(open_image(pictures()[0]), exact)
    FeatureStore.create(tmp_path / "store.zarr", manifest)
    group = zarr.open_group(tmp_path / "store.zarr")
    facts = manifest.to_dict()
    assert facts["encoder"].pop("precision") == "float32"
    group.attrs["encoder"] = facts["encoder"]
    assert FeatureStore.open_or_create(tmp_path / "store.zarr", manifest).manifest.key == manifest.key


def test_a_reference_of_one_precision_is_good_for_all(exact: Encoder, tmp_path: Path) -> None:
    image, rounded = open_image(pictures()[0]), in_precision(exact, "bfloat16")
    stores = [FeatureStore.create(tmp_path / f"{n}.zarr", planned(image, e)) for n, e in enumerate((exact, rounded))]
    for encoder, store in zip((exact, rounded), stores, strict=True):
        extract_features(image, encoder, store)
    reference = build_reference(stores[0], [PointPrompt((0, 84.0, 84.0))], ReferenceSettings(crop=SIDE))
    maps = [np.asarray(compare(store, reference, SimilaritySettings()).values) for store in stores]
    np.testing.assert_allclose(maps[1], maps[0], atol=0.03)


def test_a_session_keeps_precisions_apart(squares: Image, tmp_path: Path) -> None:
    session = Session(folder=tmp_path, make_encoder=lambda *_: Rounding())
    session.image, chosen = squares, session.settings.encoder
    session.request("features")
    assert session.result("features").manifest.encoder.precision == "float32"
    chosen.precision = "bfloat16"
    assert not session.is_ready("features")
    session.request("features")
    assert session.result("features").manifest.encoder.precision == "bfloat16"
    chosen.device = "cpu"
    assert session.is_ready("features"), "a device changes nothing where the precision is told"
    chosen.precision = "auto"
    session.request("features")
    chosen.device = "auto"
    assert not session.is_ready("features"), "and chooses it where it is not"


class Rounding(FakeEncoder):
    """A fake with a choice."""

    def in_precision(self, precision: str) -> Rounding:
        other = Rounding()
        other._spec = replace(self._spec, precision="float32" if precision == "auto" else precision)
        return other


def test_commands_take_the_precision(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "image.tif", pictures()[0])
    image, out = str(tmp_path / "image.tif"), str(tmp_path / "store.zarr")
    run(capsys, "extract", image, "--precision", "float32", "-o", out)
    assert FeatureStore.open(out).manifest.encoder.precision == "float32"
    assert "encoder precision bfloat16 is asked for" in refuse(
        capsys, "extract", image, "--precision", "bfloat16", "-o", out
    )
