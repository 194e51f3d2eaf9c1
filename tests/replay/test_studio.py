import numpy as np
import pytest

from replay.generate.cached_generator import CachedGenerator
from replay.generate.generator import Subject
from replay.generate.sample_cache import SampleCache
from replay.judge.critic import Seeing, Unseeing
from replay.judge.sample_filter import FilterRules
from replay.label.label import Label
from replay.studio import Tools, paint
from stream.image_codec import decode_image
from tests.replay.small import SeedGenerator, exemplar

CAT = Subject("", [np.full((4, 4, 3), shade, np.uint8) for shade in (100, 110, 120)])


class Brightness:
    """Names images by their brightness, and embeds them as a direction."""

    words = ("cat", "dog")

    def embed(self, images):
        angles = np.array([np.pi / 2 * image.mean() / 255 for image in images], np.float32)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def labels_of(self, embedded):
        shades = np.degrees(np.arctan2(embedded[:, 1], embedded[:, 0])) / 90 * 255
        return [Label("cat", 0.9) if shade < 160 else Label("dog", 0.8) for shade in shades]


class Wrong(SeedGenerator):
    """Paints every second image too bright, and refuses seeds that seven divides."""

    name = "wrong"

    def __init__(self):
        self.asked = []

    def generate(self, subject, seeds):
        self.asked.append((subject.name, list(seeds)))
        shades = [(200 if seed % 2 else 90 + seed % 37) for seed in seeds]
        return [
            None if seed % 7 == 0 else np.full((4, 4, 3), shade, np.uint8)
            for seed, shade in zip(seeds, shades, strict=True)
        ]


def tools(named=None, critic=None, **around):
    return Tools(named or Wrong(), SeedGenerator(), critic or Unseeing(), **around)


def seeing():
    return Seeing(Brightness(), FilterRules(most_spreads=40.0, fewest_spreads=0.0))


def always():
    return True


def test_without_a_labeller_an_unnamed_subject_is_painted_by_the_generator_for_such():
    painted = paint(tools(), CAT, 5, 1, always)
    assert (painted.label, painted.generator, len(painted.images), painted.gap) == (Label("", 0.0), "seeds", 5, 0.0)


def test_a_labeller_names_the_subject_and_what_it_calls_otherwise_is_not_kept():
    generator = Wrong()
    painted = paint(tools(generator, seeing(), batch_images=4), CAT, 6, 1, always)
    assert painted.label == Label("cat", pytest.approx(0.9))
    assert {name for name, _ in generator.asked} == {"cat"}
    assert all(seed % 2 == 0 and seed % 7 for seed in painted.seeds)
    reasons = {verdict.reason for verdict in painted.verdicts}
    assert "label" in reasons
    assert 0 < len(painted.images) <= 6
    assert len(painted.verdicts) <= 12
    assert 0 <= painted.gap < 10


def test_a_request_that_names_its_subject_is_right_but_the_labeller_still_tells_what_it_sees():
    generator = Wrong()
    painted = paint(tools(generator, seeing()), Subject("dog", CAT.exemplars), 2, 1, always)
    assert {name for name, _ in generator.asked} == {"dog"}
    assert painted.label.name == "cat"


def test_a_name_that_the_labeller_does_not_know_is_not_looked_for():
    painted = paint(tools(Wrong(), seeing()), Subject("tabby", CAT.exemplars), 4, 1, always)
    assert not [verdict for verdict in painted.verdicts if verdict.reason == "label"]


def test_how_many_are_painted_at_a_time_changes_nothing():
    one, many = (paint(tools(Wrong(), seeing(), batch_images=n), CAT, 6, 1, always) for n in (1, 100))
    assert (one.images, one.seeds, one.gap) == (many.images, many.seeds, many.gap)


def test_seeds_of_a_name_come_from_its_pool():
    painted = paint(tools(images_of_a_name=20), Subject("cat", CAT.exemplars), 20, 3, always)
    assert sorted({*painted.seeds} | {0, 7, 14}) == list(range(20))


def test_it_ends_when_it_shall_not_go_on():
    answers = iter([True, True, False])
    assert paint(tools(batch_images=2), CAT, 6, 1, lambda: next(answers)) is None


def test_nothing_is_looked_at_once_it_shall_not_go_on():
    class Blind(Unseeing):
        def look(self, subject):
            raise AssertionError(subject)

    assert paint(tools(critic=Blind()), CAT, 6, 1, lambda: False) is None


def test_where_every_image_is_refused_the_gap_is_that_of_those():
    none_near = Seeing(Brightness(), FilterRules(most_spreads=0.01))
    painted = paint(tools(critic=none_near), CAT, 6, 1, always)
    assert (painted.images, {verdict.kept for verdict in painted.verdicts}) == ([], {False})
    assert painted.gap > 0.5
    assert paint(tools(critic=none_near), CAT, 3, 1, always).gap == 0.0, "six candidates, of which some were flagged"


def test_a_generator_that_brings_too_few_is_told():
    class Few(SeedGenerator):
        def generate(self, subject, seeds):
            return super().generate(subject, seeds[1:])

    with pytest.raises(ValueError, match="brings one for each"):
        paint(Tools(Few(), Few(), Unseeing()), CAT, 3, 1, always)


def test_what_is_cached_is_not_painted_again_and_is_the_same():
    generator = Wrong()
    told = []
    cached = CachedGenerator(generator, SampleCache(100_000), lambda *counts: told.append(counts))
    subject = Subject("cat", [exemplar(4)])
    first = cached.generate(subject, [1, 2, 7, 2])
    again = cached.generate(subject, [2, 3, 1, 7])
    assert [seeds for _, seeds in generator.asked] == [[1, 2, 7], [3, 7]]
    assert np.array_equal(first[1], again[0])
    assert np.array_equal(first[0], again[2])
    assert first[2] is again[3] is None
    assert cached.generate(Subject("dog", [exemplar(4)]), [1])[0] is not None
    assert generator.asked[-1] == ("dog", [1])
    assert [counts[:2] for counts in told] == [(0, 3), (2, 2), (0, 1)]
    assert told[0][2] < told[1][2] < told[2][2]


def test_kept_images_are_png_files():
    (file, *_) = paint(tools(), CAT, 3, 1, always).images
    assert decode_image(file, 10**6, 10**6).shape == (4, 4, 3)


def test_each_member_is_labelled_by_itself_and_none_without_a_labeller():
    shown = Subject("", CAT.exemplars, [np.full((4, 4, 3), shade, np.uint8) for shade in (100, 200)])
    assert [label.name for label in paint(tools(critic=seeing()), shown, 2, 1, always).labels] == ["cat", "dog"]
    assert paint(tools(), shown, 2, 1, always).labels == []
