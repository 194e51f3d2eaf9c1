"""Which device a pretrained model runs on."""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from replay.errors import DeviceMemoryFull, DeviceMissing

M = TypeVar("M")
T = TypeVar("T")
_ROOM = "choose a smaller model or another replay.device"
_log = logging.getLogger(__name__)


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
        message = f"{source} does not fit the memory of {device}; {_ROOM}"
        raise DeviceMemoryFull(message) from error
    return moved


def in_halves(
    compute: Callable[[Sequence[T]], npt.NDArray[np.float32]], items: Sequence[T], source: str
) -> npt.NDArray[np.float32]:
    """Return what ``compute`` gives for the items [N, …]; where memory is full, for one half after the other.

    Raises
    ------
    DeviceMemoryFull
        A half does not fit either.
    """
    try:
        return compute(items)
    except torch.OutOfMemoryError:
        _log.warning("%d items at a time do not fit the device's memory beside %s; trying half", len(items), source)
    torch.cuda.empty_cache()
    middle = (len(items) + 1) // 2
    try:
        return np.concatenate([compute(half) for half in (items[:middle], items[middle:]) if half])
    except torch.OutOfMemoryError as error:
        message = f"{middle} items at a time do not fit the device's memory beside {source}; {_ROOM}"
        raise DeviceMemoryFull(message) from error


def use_threads(threads: int) -> None:
    """Let this process's models compute with so many threads on a CPU."""
    torch.set_num_threads(threads)
