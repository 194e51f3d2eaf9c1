"""Images of a subject that are worth keeping: label, generate, judge.

The name of a subject is the request's, or else the labeller's label of its exemplars. A subject with a name goes to the
generator for names, one without a name to the generator that reads the exemplars.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from replay.generate.generator import Generator
from replay.judge.judge import Judge
from replay.judge.sample_filter import Verdict
from replay.label.label import Label
from replay.subject import Subject
from stream.image_codec import encode_png

_MOST_TRIES = 2  # candidates for each image that is wanted


@dataclass(frozen=True)
class Models:
    """What a generation works with.

    Parameters
    ----------
    named, unnamed
        For subjects with a name, and for those without; may be one and the same.
    judge_of
        Returns the judge of one subject.
    batch_images
        Asked of a generator at a time.
    images_of_a_name
        Of how many seeds those of a named image are drawn; 0 for any. A seed that is drawn again hits the cache.
    """

    named: Generator
    unnamed: Generator
    judge_of: Callable[[Subject], Judge]
    batch_images: int = 32
    images_of_a_name: int = 0

    def close(self) -> None:
        """Close both generators."""
        self.named.close()
        self.unnamed.close()


@dataclass
class Generated:
    """The result for one subject.

    Parameters
    ----------
    label
        The labeller's label of the exemplars, whatever the request's name is.
    generator
        The name of the generator.
    images, seeds
        Those that are kept, as PNG files, in the order of the seeds.
    verdicts
        One for each candidate.
    gap
        The distance of the kept images from the exemplars, or of the refused ones where none was kept; see
        `replay.judge.synthetic_gap`. 0 without a labeller.
    labels
        The labeller's label of each member; empty without a labeller.
    """

    label: Label
    generator: str
    images: list[bytes] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    gap: float = 0.0
    labels: list[Label] = field(default_factory=list)


def generate_images(
    models: Models, subject: Subject, wanted: int, seed: int, may_continue: Callable[[], bool]
) -> Generated | None:
    """Return up to ``wanted`` images; None once ``may_continue``, which is called before each step, returns false.

    1. ``label``     the exemplars and each member, if there is a labeller
    2. ``generate``  a batch of candidates
    3. ``judge``     keep the good ones; go on until there are enough, or two candidates of each were judged
    4. ``gap``       between the kept images and the exemplars
    """
    if not may_continue():
        return None
    judge = models.judge_of(subject)
    named = replace(subject, name=subject.name or judge.label.name)
    generator = models.named if named.name else models.unnamed
    generated = Generated(judge.label, generator.name, labels=judge.member_labels())
    seeds = _candidate_seeds(models, named, wanted, seed)
    while (missing := wanted - len(generated.images)) and seeds:
        if not may_continue():
            return None
        batch, seeds = seeds[: min(missing, models.batch_images)], seeds[min(missing, models.batch_images) :]
        _generate_batch(generated, generator, named, batch, judge)
    generated.gap = judge.gap()
    return generated


def _generate_batch(
    generated: Generated, generator: Generator, named: Subject, seeds: Sequence[int], judge: Judge
) -> None:
    candidates = generator.generate(named, seeds)
    if len(candidates) != len(seeds):
        message = f"{len(candidates)} images came for {len(seeds)} seeds; a generator returns one for each"
        raise ValueError(message)
    verdicts = judge.judge(candidates, named.name)
    generated.verdicts += verdicts
    for image, seed, verdict in zip(candidates, seeds, verdicts, strict=True):
        if verdict.kept and image is not None:
            generated.images.append(encode_png(image))
            generated.seeds.append(seed)


def _candidate_seeds(models: Models, named: Subject, wanted: int, seed: int) -> list[int]:
    """Return a seed for each candidate; a batch is never larger than what is missing, so its size decides nothing."""
    if named.name and models.images_of_a_name:
        return pool_seeds(seed, _MOST_TRIES * wanted, models.images_of_a_name)
    return image_seeds(seed, _MOST_TRIES * wanted)


def image_seeds(seed: int, count: int) -> list[int]:
    """Return a seed of 32 bits for each image, derived from the request's; the first ones do not depend on ``count``.

    Examples
    --------
    >>> image_seeds(7, 3) == image_seeds(7, 9)[:3]
    True
    """
    return [int(word) for word in np.random.SeedSequence(seed).generate_state(count)]


def pool_seeds(seed: int, count: int, pool: int) -> list[int]:
    """Return seeds below ``pool``, each once, so at most so many; the first ones do not depend on ``count``.

    Examples
    --------
    >>> pool_seeds(7, 3, pool=512) == pool_seeds(7, 9, pool=512)[:3]
    True
    """
    return [int(place) for place in np.random.default_rng(seed).permutation(pool)[:count]]
