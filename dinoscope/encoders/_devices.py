"""Which processor computes."""

from __future__ import annotations

import torch

from dinoscope.errors import SettingsError


def available_devices() -> list[str]:
    """Names of the devices torch can use here, fastest kind first and always ending with the CPU."""
    found: list[str] = []
    if torch.cuda.is_available():
        found += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    if torch.xpu.is_available():
        found += [f"xpu:{index}" for index in range(torch.xpu.device_count())]
    return [*found, "cpu"]


def pick_device(name: str) -> torch.device:
    """The device of that name.

    Parameters
    ----------
    name
        ``"auto"`` for the first of `available_devices`, or a name such as ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Raises
    ------
    SettingsError
        If this machine has no such device.
    """
    devices = available_devices()
    if name == "auto":
        return torch.device(devices[0])
    wanted = name if name in devices else f"{name}:0"
    if wanted not in devices:
        raise SettingsError(f"device {name!r} is not available here: choose auto, {', '.join(devices)}")
    return torch.device(wanted)
