"""From a subject to images of it that are kept: named, painted, judged.

A subject is called what its request says, or else what the labeller says of its exemplars. A named one is painted by
the generator for names, one that nobody can name by the generator that looks at the exemplars.

Axes: E exemplars, D dimensions of an embedding.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from replay.generate.generator import Generator, Subject
from replay.generate.seeds import image_seeds, pool_seeds
from replay.judge.critic import Critic, Jury
from replay.judge.sample_filter import Verdict
from replay.label.label import Label
from stream.image_codec import encode_png

_MOST_TRIES = 2  # candidates for each image that is wanted


@dataclass(frozen=True)
class Tools:
    """What a studio paints with.

    Parameters
    ----------
    named, unnamed
        For subjects with a name, and for those without; may be one and the same.
    critic
        Names subjects and judges images.
    batch_images
        Asked of a generator at a time.
    images_of_a_name
        Of how many seeds those of a named image are drawn; 0 for any. What is drawn again need not be painted again.
    """

    named: Generator
    unnamed: Generator
    critic: Critic
    batch_images: int = 32
    images_of_a_name: int = 0

    def close(self) -> None:
        """Let go of both generators."""
        self.named.close()
        self.unnamed.close()


@dataclass
class Painted:
    """What came of one subject.

    Parameters
    ----------
    label
        What the labeller says of the exemplars, whatever the request said.
    generator
        The name of what painted.
    images, seeds
        Those that are kept, as PNG files, in the order of the seeds.
    verdicts
        One for each image that was painted.
    gap
        How far the kept images are from the exemplars, or the refused ones where none was kept; see
        `replay.judge.synthetic_gap`. 0 without a labeller.
    labels
        What the labeller says of each member; empty without a labeller.
    """

    label: Label
    generator: str
    images: list[bytes] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    gap: float = 0.0
    labels: list[Label] = field(default_factory=list)


def paint(tools: Tools, subject: Subject, wanted: int, seed: int, going_on: Callable[[], bool]) -> Painted | None:
    """Return up to ``wanted`` images of the subject; None once ``going_on`` says no, which is asked before each step.

    1. ``name``    look at the exemplars and at each member, if there is a labeller
    2. ``paint``   a batch
    3. ``judge``   keep what is good; paint on until there are enough, or two of each were tried
    4. ``gap``     between what is kept and the exemplars
    """
    if not going_on():
        return None
    jury = tools.critic.look(subject)
    named = replace(subject, name=subject.name or jury.label.name)
    generator = tools.named if named.name else tools.unnamed
    painted = Painted(jury.label, generator.name, labels=tools.critic.labels(subject.members))
    seeds = _seeds(tools, named, wanted, seed)
    while (missing := wanted - len(painted.images)) and seeds:
        if not going_on():
            return None
        batch, seeds = seeds[: min(missing, tools.batch_images)], seeds[min(missing, tools.batch_images) :]
        _paint_batch(painted, generator, named, batch, jury)
    painted.gap = jury.gap()
    return painted


def _paint_batch(painted: Painted, generator: Generator, named: Subject, seeds: Sequence[int], jury: Jury) -> None:
    candidates = generator.generate(named, seeds)
    if len(candidates) != len(seeds):
        message = f"{len(candidates)} images came for {len(seeds)} seeds; a generator brings one for each"
        raise ValueError(message)
    verdicts = jury.judge(candidates, named.name)
    painted.verdicts += verdicts
    for image, seed, verdict in zip(candidates, seeds, verdicts, strict=True):
        if verdict.kept and image is not None:
            painted.images.append(encode_png(image))
            painted.seeds.append(seed)


def _seeds(tools: Tools, named: Subject, wanted: int, seed: int) -> list[int]:
    """Return a seed for each candidate; a batch is never larger than what is missing, so its size decides nothing."""
    if named.name and tools.images_of_a_name:
        return pool_seeds(seed, _MOST_TRIES * wanted, tools.images_of_a_name)
    return image_seeds(seed, _MOST_TRIES * wanted)
