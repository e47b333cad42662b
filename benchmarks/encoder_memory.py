"""Memory that an encoder needs: peak growth of a process that loads it and encodes one tile.

    python benchmarks/encoder_memory.py                         # all sizes of DINOv2 with registers, and nano
    python benchmarks/encoder_memory.py dinov2-small dinov2-base

Every encoder is measured in a process of its own, on the CPU in float32, with one tile of the size it likes best (518 x
518 pixels for DINOv2). The weights are random, as their values do not matter, in a file with Hugging Face's layout
written by transformers. The peak is that of the resident set as Linux counts it (``VmHWM``), less what is resident
after the imports.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from dinoscope.encoders import CATALOGUE, create_encoder
from dinoscope.encoders._catalogue import BUNDLED

DEFAULT_NAMES = ["nano", *(name for name in CATALOGUE if name.endswith("-reg"))]
MIB = 2**20


def main() -> None:
    """Measure the encoders named on the command line and print a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=DEFAULT_NAMES)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write_random_weights(options.names[0], options.write)
    elif options.measure:
        print(json.dumps(measure(options.measure)))
    else:
        report([run(name) for name in options.names])


def run(name: str) -> dict[str, Any]:
    """Measure one encoder in a fresh process."""
    if CATALOGUE[name].source == BUNDLED:
        return {"name": name, **json.loads(in_new_process(name, "--measure", name))}
    with tempfile.TemporaryDirectory() as folder:
        in_new_process(name, "--write", folder)
        return {"name": name, **json.loads(in_new_process(name, "--measure", folder))}


def in_new_process(*arguments: str) -> str:
    """What this script prints when called with other arguments."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def write_random_weights(name: str, folder: Path) -> None:
    """Save a model of the catalogued size as transformers saves it."""
    entry = CATALOGUE[name]
    sizes: dict[str, Any] = {
        "hidden_size": entry.channels,
        "num_hidden_layers": entry.layers,
        "num_attention_heads": entry.heads,
        "use_swiglu_ffn": entry.ffn == "swiglu",
        "image_size": 518,
        "patch_size": 14,
    }
    with torch.device("meta"):
        model: transformers.PreTrainedModel = (
            transformers.Dinov2WithRegistersModel(transformers.Dinov2WithRegistersConfig(**sizes))
            if entry.registers
            else transformers.Dinov2Model(transformers.Dinov2Config(**sizes))
        )
    model.to_empty(device="cpu")
    for parameter in model.parameters():
        torch.nn.init.uniform_(parameter, -0.02, 0.02)
    model.save_pretrained(folder)


def measure(name_or_path: str) -> dict[str, Any]:
    """Peak growth of this process, in bytes, after loading and after one tile."""
    from dinoscope.encoders import _compact, _dinov2  # noqa: F401 - imports belong to the start, not to the growth

    start = resident_bytes("VmRSS")
    encoder = create_encoder(name_or_path, "cpu")
    loaded = resident_bytes("VmHWM")
    side = encoder.spec.tile
    features = encoder.encode(np.zeros((1, side, side), dtype=np.float32))
    peak = resident_bytes("VmHWM")
    return {"tile": side, "channels": features.shape[-1], "loading_bytes": loaded - start, "peak_bytes": peak - start}


def resident_bytes(field: str) -> int:
    """A counter of this process from Linux, in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {field}: this benchmark needs Linux")


def report(rows: list[dict[str, Any]]) -> None:
    """Print the measurements."""
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.platform()}\n")
    print("| encoder | parameters | weights, MiB | after loading, MiB | peak with one tile, MiB |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        entry = CATALOGUE[row["name"]]
        sizes = [entry.weight_bytes / MIB, row["loading_bytes"] / MIB, row["peak_bytes"] / MIB]
        print(f"| {entry.name} | {entry.parameters:,} | " + " | ".join(f"{size:,.0f}" for size in sizes) + " |")
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
