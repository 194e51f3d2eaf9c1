"""The errors of the replay workers: of pretrained models, and of words.

::

    R2RError
    ├── WeightsMissing         the model's files are not on this machine; nothing is fetched by itself
    ├── WeightsCorrupt         a file of the model cannot be read, or does not fit the others
    ├── DeviceMissing          a device was asked for that this machine does not have
    ├── DeviceMemoryFull       the model does not fit the device, with half the batch either
    ├── SubjectUnnamed         a text-to-image model was asked for something that has no name
    ├── VocabularyRefused      words, prompts or a description may not be used
    └── EndpointUnavailable    a chat endpoint has given no words
"""

from collections.abc import Mapping

from stream.process.errors import R2RError


class WeightsMissing(R2RError):
    """A pretrained model's files are not on this machine; nothing is fetched by itself."""


class WeightsCorrupt(R2RError):
    """A file of a pretrained model cannot be read, or does not fit the others."""


class DeviceMissing(R2RError):
    """A device was asked for that this machine does not have."""


class DeviceMemoryFull(R2RError):
    """A model and one batch do not fit the device's memory."""


class SubjectUnnamed(R2RError):
    """A text-to-image model was asked for a subject without a name."""


class VocabularyRefused(R2RError):
    """A word, a prompt, a file of them, a description or a model's reply may not be used."""


class EndpointUnavailable(R2RError):
    """A chat endpoint has given no words; ``reason`` is a short, stable word, ``tokens`` the cost by kind."""

    def __init__(self, message: str, *, reason: str, tokens: Mapping[str, int]) -> None:
        super().__init__(message)
        self.reason = reason
        self.tokens = tokens
