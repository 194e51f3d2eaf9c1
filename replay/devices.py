"""Which device a pretrained model runs on."""

from typing import TypeVar

import torch

from replay.errors import DeviceMemoryFull, DeviceMissing

M = TypeVar("M")


def device_named(name: str) -> torch.device:
    """Return the device called ``name``: ``cpu``, ``cuda``, ``cuda:1``, or ``auto``, the GPU if there is one.

    Raises
    ------
    DeviceMissing
        This machine has no such device.

    Examples
    --------
    >>> device_named("cpu")
    device(type='cpu')
    """
    gpus = torch.cuda.device_count()
    if name == "auto":
        return torch.device("cuda" if gpus else "cpu")
    kind, _, number = name.partition(":")
    if name == "cpu" or (kind == "cuda" and (number or "0").isdecimal() and int(number or 0) < gpus):
        return torch.device(name)
    message = f"the device {name!r} was asked for and this machine has {gpus} GPUs; use 'auto' or 'cpu', or add one"
    raise DeviceMissing(message)


def memory_left(name: str) -> int | None:
    """Return the free bytes of the GPU called ``name``; None for a CPU, which has the machine's memory.

    Raises
    ------
    DeviceMissing
        As `device_named`.
    """
    device = device_named(name)
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else None


def moved_to(device: torch.device, model: M, source: str) -> M:
    """Return the model on the device.

    Raises
    ------
    DeviceMemoryFull
        Its weights alone do not fit there.
    """
    try:
        moved: M = model.to(device)  # type: ignore[attr-defined]
    except torch.OutOfMemoryError as error:
        message = f"{source} does not fit the memory of {device}; choose a smaller model or another replay.device"
        raise DeviceMemoryFull(message) from error
    return moved


def use_threads(threads: int) -> None:
    """Let this process's models compute with so many threads on a CPU."""
    torch.set_num_threads(threads)
