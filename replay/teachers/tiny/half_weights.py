"""Weights on disk in half precision."""

from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from stream.process.home import write_atomically


def save_half(model: nn.Module, path: Path) -> None:
    """Write the model's state as float16 in safetensors: half the size, read back into float32 by any loader."""
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    halves = {name: value.to(torch.float16) if value.is_floating_point() else value for name, value in state.items()}
    write_atomically(path, save(halves, metadata={"format": "pt"}))
