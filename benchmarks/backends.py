"""What an encoder takes of a CPU in other precisions, in batches, compiled, or run by others than torch.

``python -m benchmarks.backends``. Everything but the threads is timed in turns on one thread, in CPU seconds per tile,
so that what else goes on does not count. OpenVINO and ONNX Runtime are measured where they, ``onnx`` and ``onnxscript``
are installed, compilation where there is a compiler. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks._data import RESULTS, data_folder, save
from benchmarks._exported import exported
from benchmarks._turns import in_turns, ratios, seconds_of, spread
from dinoscope.encoders import create_encoder, in_precision, random_dinov2
from dinoscope.encoders._vit import Dinov2

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder

    Ways = Mapping[str, Callable[[], object]]

ROUNDS = 3
BATCHES = (2, 4)
OTHERS = ("onnx", "onnxscript", "onnxruntime", "openvino")
SEEDS = range(3)
_TOKENS = 1 + 4 + 37 * 37


def main() -> None:
    """Measure what is missing, and save after every part."""
    nano, dinov2 = create_encoder("nano", "cpu"), random_dinov2("small")
    parts: dict[str, Callable[[], Any]] = {
        "masks": masks,
        **{f"nano {part}": partial(call, nano) for part, call in PARTS.items()},
        **{f"DINOv2-small {part}": partial(call, dinov2) for part, call in PARTS.items()},
    }
    path = RESULTS / "backends.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name, call in parts.items():
        if name not in known:
            figures = call()
            print(name, figures, flush=True)
            save("backends", {name: figures} if figures else {})


def precisions(encoder: Encoder) -> dict[str, Any]:
    """Float32 and bfloat16, and how far their features are apart."""
    rounded, tile = in_precision(encoder, "bfloat16"), _tiles(encoder, 1)
    exact, found = encoder.encode(tile), rounded.encode(tile)
    gaps = np.linalg.norm(found - exact, axis=-1) / np.linalg.norm(exact, axis=-1)
    timed = _timed({"float32": lambda: encoder.encode(tile), "bfloat16": lambda: rounded.encode(tile)})
    return {**timed, "gap": [float(gaps.mean()), float(gaps.max())]}


def batches(encoder: Encoder) -> dict[str, Any]:
    """One tile at a time and several, in both precisions, and whether a tile has the same bits in both."""
    figures: dict[str, Any] = {}
    for precision in ("float32", "bfloat16"):
        chosen = in_precision(encoder, precision)
        many = {count: _tiles(encoder, count) for count in (1, *BATCHES)}
        ways = {str(count): partial(chosen.encode, tiles) for count, tiles in many.items()}
        same = all(np.array_equal(chosen.encode(tiles)[0], chosen.encode(tiles[:1])[0]) for tiles in many.values())
        figures[precision] = {**_timed(ways, {str(count): count for count in many}), "same_bits": same}
    return figures


def threads(encoder: Encoder) -> dict[str, Any]:
    """One thread and two, in seconds of the clock: other work on the machine does count here."""
    tile, figures = _tiles(encoder, 1), dict[str, Any]()

    def on(count: int, chosen: Encoder, _: int) -> float:
        torch.set_num_threads(count)
        return seconds_of(lambda: chosen.encode(tile))

    for precision in ("float32", "bfloat16"):
        chosen = in_precision(encoder, precision)
        figures[precision] = _compared(in_turns({str(count): partial(on, count, chosen) for count in (1, 2)}, ROUNDS))
    torch.set_num_threads(1)
    return figures


def compiled(encoder: Encoder) -> dict[str, Any] | None:
    """The network as it is and by ``torch.compile``, in both precisions, with the seconds of the first call.

    Of a transformer its first block: the others are alike, and compiling all takes minutes.
    """
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        return None
    network, batch = network_of(encoder)
    if isinstance(network, Dinov2):
        network, batch = network.blocks[0], torch.randn(1, _TOKENS, encoder.spec.channels)
    made = torch.compile(network)
    first: dict[str, float] = {}
    ways: dict[str, Callable[[], object]] = {}
    for precision in ("float32", "bfloat16"):
        calls = {
            f"{precision}{name}": partial(_forward, call, batch, precision)
            for name, call in (("", network), (" compiled", made))
        }
        first[precision] = seconds_of(calls[f"{precision} compiled"])
        ways |= calls
    return {**_timed(ways), "first_s": first}


def others(encoder: Encoder) -> dict[str, Any] | None:
    """The network by torch, ONNX Runtime and OpenVINO."""
    if any(find_spec(name) is None for name in OTHERS):
        return None
    network, batch = network_of(encoder)
    with tempfile.TemporaryDirectory() as folder:
        ways: Ways = {
            **{precision: partial(_forward, network, batch, precision) for precision in ("float32", "bfloat16")},
            **exported(network, batch, Path(folder)),
        }
        return _timed(ways)


PARTS = {"precisions": precisions, "batches": batches, "threads": threads, "compiled": compiled, "others": others}


def masks() -> dict[str, Any]:
    """How alike the masks of nano are in float32 and in bfloat16: five clicks on mitochondria of VNC, one section."""
    from benchmarks._few_shot import Truth
    from dinoscope.image import open_image
    from dinoscope.session import Session
    from dinoscope.settings import ImageSettings

    one = ImageSettings(sections="0:1", image_pixel_size=4.6)
    raw, truth = (open_image(data_folder() / "vnc" / name, one) for name in ("raw", "mitochondria"))
    wanted = Truth(truth.read(truth.extent) > 0, 0, np.ones(1, bool))
    shares, dices = [], list[list[float]]()
    with tempfile.TemporaryDirectory() as folder:
        session = Session(folder=Path(folder))
        session.image = raw
        for seed in SEEDS:
            found = []
            for precision in ("float32", "bfloat16"):
                session.settings.encoder.precision = precision
                session.prompts = list(wanted.clicks(5, seed))
                session.request("segmentation")
                found.append(session.result("segmentation").mask[:] > 0)
            shares.append(float((found[0] & found[1]).sum() / max(1, (found[0] | found[1]).sum())))
            dices.append([_dice(mask, wanted.voxels) for mask in found])
    return {"iou": spread(shares), "dice": [spread(each) for each in zip(*dices, strict=True)]}


def _dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


def network_of(encoder: Encoder) -> tuple[torch.nn.Module, torch.Tensor]:
    """What computes inside of an encoder, and a tile as it takes it."""
    from dinoscope.encoders._compact import CompactEncoder
    from dinoscope.encoders._pixels import to_batch

    tile = _tiles(encoder, 1)
    if isinstance(encoder, CompactEncoder):
        return encoder._net, torch.from_numpy(tile).unsqueeze(1)
    network: torch.nn.Module = encoder._model  # type: ignore[attr-defined]
    return network, to_batch(tile, encoder.spec, torch.device("cpu"))


@torch.inference_mode()
def _forward(network: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor, precision: str) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        return network(batch)


def _tiles(encoder: Encoder, count: int) -> NDArray[np.float32]:
    side = encoder.spec.tile
    return np.random.default_rng(0).random((count, side, side), dtype=np.float32)


def _timed(ways: Ways, tiles: Mapping[str, int] | None = None) -> dict[str, Any]:
    """CPU seconds per tile of every way, and how many times faster each is than the first."""
    torch.set_num_threads(1)
    counts = tiles or {}

    def spent(name: str, call: Callable[[], object], _: int) -> float:
        began = time.process_time()
        call()
        return (time.process_time() - began) / counts.get(name, 1)

    return _compared(in_turns({name: partial(spent, name, call) for name, call in ways.items()}, ROUNDS))


def _compared(seconds: dict[str, list[float]]) -> dict[str, Any]:
    first = next(iter(seconds.values()))
    return {
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "times_faster": {name: ratios(first, values) for name, values in seconds.items()},
    }


if __name__ == "__main__":
    main()
