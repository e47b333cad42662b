"""A network in the hands of ONNX Runtime and OpenVINO, which this package does not need."""

from __future__ import annotations

import warnings
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING
from unittest.mock import patch

import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def exported(network: torch.nn.Module, batch: torch.Tensor, folder: Path) -> dict[str, Callable[[], object]]:
    """Calls that compute the features of a batch on one thread, by the name of what computes them."""
    onnxruntime, openvino = (import_module(name) for name in ("onnxruntime", "openvino"))
    file, pixels = folder / "network.onnx", batch.numpy()
    with (
        warnings.catch_warnings(),
        torch.no_grad(),
        patch("dinoscope.encoders._vit.interpolate_positions", lambda positions, grid, has_registers: positions),
    ):  # what is traced is a tile of the size that needs none
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (batch,), str(file), opset_version=17, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    core = openvino.Core()
    chosen = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    models = {
        precision: core.compile_model(str(file), "CPU", {**chosen, "INFERENCE_PRECISION_HINT": hint})
        for precision, hint in (("float32", "f32"), ("bfloat16", "bf16"))
    }
    return {
        "float32 by ONNX Runtime": partial(session.run, None, {name: pixels}),
        **{f"{precision} by OpenVINO": partial(model, pixels) for precision, model in models.items()},
    }
