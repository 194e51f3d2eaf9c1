"""Changes of the world, made on purpose: seeded, of five strengths, at once or slowly; and their truth in a file.

=============  =====  =====  =====  =====  =====  ==================================================================
severity       1      2      3      4      5      at full strength
=============  =====  =====  =====  =====  =====  ==================================================================
brightness     0.05   0.10   0.15   0.20   0.30   added to HSV's value, 0 to 1 (CIFAR-10-C)
blur           0.4    0.6    0.7    0.8    1.0    σ of a Gaussian, in pixels of an image of 32 (CIFAR-10-C)
noise          0.04   0.06   0.08   0.09   0.10   deviation of Gaussian noise on pixels 0 to 1 (CIFAR-10-C)
rotation       7      14     21     28     35     degrees counterclockwise; the border is mirrored
inversion      0.2    0.4    0.6    0.8    1.0    the brightest values 0 to 1 that are inverted; at 1 the negative
=============  =====  =====  =====  =====  =====  ==================================================================

The table's numbers grow in proportion while a drift comes slowly. Hendrycks & Dietterich, arXiv 1903.12261, for the
first three; CIFAR-10-C has no rotation and no inversion.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from stream.image_codec import Pixels
from stream.process.errors import InvalidSetting
from stream.process.home import write_atomically

Unit = npt.NDArray[np.float64]
_BASE_PIXELS = 32
_WRITTEN = re.compile(r"(?P<kind>\w+):(?P<severity>[1-5])@(?P<first_frame>\d{1,12})(?:\+(?P<span_frames>\d{1,12}))?")


@dataclass(frozen=True)
class Drift:
    """One change.

    Parameters
    ----------
    kind
        A key of `KINDS`.
    severity
        1 to 5.
    first_frame
        The first frame that is changed, counted from 0.
    span_frames
        How many frames it takes to grow to full strength; 0 for at once.
    """

    kind: str
    severity: int
    first_frame: int
    span_frames: int = 0

    def strength(self, place: int) -> float:
        """Return 0 before the drift, 1 at full strength.

        Examples
        --------
        >>> drift = Drift("noise", severity=3, first_frame=10, span_frames=4)
        >>> [drift.strength(place) for place in (9, 10, 11, 13, 99)]
        [0.0, 0.25, 0.5, 1.0, 1.0]
        """
        if place < self.first_frame:
            return 0.0
        return min(1.0, (place - self.first_frame + 1) / self.span_frames) if self.span_frames else 1.0


def drift_of(text: str) -> Drift:
    """Read ``kind:severity@first_frame`` or ``kind:severity@first_frame+span_frames``.

    Raises
    ------
    InvalidSetting
        It is not written so, or there is no such kind.

    Examples
    --------
    >>> drift_of("rotation:5@400+200")
    Drift(kind='rotation', severity=5, first_frame=400, span_frames=200)
    """
    found = _WRITTEN.fullmatch(text)
    if found is None or found["kind"] not in KINDS:
        message = (
            f"a drift is written KIND:SEVERITY@FRAME or KIND:SEVERITY@FRAME+SPAN with a kind of {', '.join(KINDS)} "
            f"and a severity of 1 to 5, but {text!r} came; try noise:3@400"
        )
        raise InvalidSetting(message)
    span = int(found["span_frames"] or 0)
    return Drift(found["kind"], int(found["severity"]), int(found["first_frame"]), span)


def drifted(image: Pixels, drifts: Sequence[Drift], place: int, seed: int) -> Pixels:
    """Return ``image`` as frame number ``place`` shows it, the drifts applied in their order.

    Every draw depends on ``seed``, ``place`` and the drift's number alone, so a frame that is sent again is the same.

    Parameters
    ----------
    image
        uint8, [height, width, 3].
    """
    unit: Unit = image / 255.0
    for number, drift in enumerate(drifts):
        strength = drift.strength(place)
        if strength > 0:
            kind = KINDS[drift.kind]
            random = np.random.default_rng([seed, place, number])
            unit = np.clip(kind.apply(unit, strength * kind.table[drift.severity - 1], random), 0, 1)
    return np.rint(unit * 255).astype(np.uint8)


def write_drift_truth(file: Path, drifts: Sequence[Drift], identity_at: Callable[[int], str], seed: int) -> None:
    """Write one JSON line for each drift: its keys, the identity of its first frame, and the seed.

    Raises
    ------
    InvalidSetting
        The file cannot be written.
    """
    lines = [
        json.dumps({**asdict(drift), "first_identity": identity_at(drift.first_frame), "seed": seed}, sort_keys=True)
        for drift in drifts
    ]
    try:
        write_atomically(file, "".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        message = f"the drifts cannot be written to {file} ({error.strerror}); name another file with --drift-truth"
        raise InvalidSetting(message) from error


@dataclass(frozen=True)
class _Kind:
    """How an image is changed by an amount, and the amounts of severities 1 to 5."""

    table: tuple[float, float, float, float, float]
    apply: Callable[[Unit, float, np.random.Generator], Unit]


def _brighten(unit: Unit, amount: float, _: np.random.Generator) -> Unit:
    """Raise HSV's value, the largest of the three channels, at the same hue and saturation."""
    value = unit.max(axis=2, keepdims=True)
    raised = np.minimum(value + amount, 1)
    scale = raised / np.where(value > 0, value, 1)
    return np.asarray(np.where(value > 0, unit * scale, raised))


def _blur(unit: Unit, amount: float, _: np.random.Generator) -> Unit:
    sigma = amount * min(unit.shape[:2]) / _BASE_PIXELS
    return np.asarray(ndimage.gaussian_filter(unit, (sigma, sigma, 0), mode="nearest"))


def _add_noise(unit: Unit, amount: float, random: np.random.Generator) -> Unit:
    return unit + random.normal(0.0, amount, unit.shape)


def _rotate(unit: Unit, amount: float, _: np.random.Generator) -> Unit:
    return np.asarray(ndimage.rotate(unit, amount, axes=(1, 0), reshape=False, order=1, mode="mirror"))


def _invert(unit: Unit, amount: float, _: np.random.Generator) -> Unit:
    return np.where(unit >= 1 - amount, 1 - unit, unit)


KINDS = {
    "brightness": _Kind((0.05, 0.10, 0.15, 0.20, 0.30), _brighten),
    "blur": _Kind((0.4, 0.6, 0.7, 0.8, 1.0), _blur),
    "noise": _Kind((0.04, 0.06, 0.08, 0.09, 0.10), _add_noise),
    "rotation": _Kind((7.0, 14.0, 21.0, 28.0, 35.0), _rotate),
    "inversion": _Kind((0.2, 0.4, 0.6, 0.8, 1.0), _invert),
}
