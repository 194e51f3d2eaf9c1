"""What can be wrong with a pretrained model; of words see `replay.words.errors`.

::

    R2RError
    ├── WeightsMissing        the model's files are not on this machine; nothing is fetched by itself
    ├── WeightsCorrupt        a file of the model cannot be read, or does not fit the others
    ├── DeviceMissing         a device was asked for that this machine does not have
    ├── DeviceMemoryFull      the model does not fit the device, with half the batch either
    └── SubjectUnnamed        a text-to-image model was asked for something that has no name
"""

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
