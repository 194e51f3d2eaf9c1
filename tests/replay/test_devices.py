import numpy as np
import pytest
import torch

from replay.devices import in_halves, moved_to
from replay.errors import DeviceMemoryFull


def test_where_memory_is_full_one_half_is_computed_after_the_other_or_it_is_an_error():
    def two_at_most(items):
        if len(items) > 2:
            raise torch.OutOfMemoryError
        return np.array([[item] for item in items], np.float32)

    assert in_halves(two_at_most, [1, 2, 3], "small").tolist() == [[1], [2], [3]]
    with pytest.raises(DeviceMemoryFull, match=r"3 items at a time do not fit .* beside small; choose"):
        in_halves(two_at_most, [1, 2, 3, 4, 5], "small")


def test_a_model_that_does_not_fit_its_device_is_an_error():
    class TooLarge:
        def to(self, _device):
            raise torch.OutOfMemoryError

    with pytest.raises(DeviceMemoryFull, match="a/b does not fit the memory of cpu; choose a smaller model"):
        moved_to(torch.device("cpu"), TooLarge(), "a/b")
