from functools import partial

import numpy as np
import pytest

from replay.generate.cached_generator import CachedGenerator, SampleCache
from replay.generate.generation import Models, generate_images
from replay.judge.judge import AcceptingJudge, LabellerJudge
from replay.judge.sample_filter import FilterRules
from replay.label.label import Label
from replay.subject import Subject
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
    """Makes every second image too bright, and refuses seeds that seven divides."""

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


def models(named=None, judge_of=AcceptingJudge, **around):
    return Models(named or Wrong(), SeedGenerator(), judge_of, **around)


LABELLED = partial(LabellerJudge, Brightness(), FilterRules(most_spreads=40.0, fewest_spreads=0.0))


def always():
    return True


def test_without_a_labeller_an_unnamed_subject_goes_to_the_generator_for_such():
    generated = generate_images(models(), CAT, 5, 1, always)
    assert (generated.label, generated.generator) == (Label("", 0.0), "seeds")
    assert (len(generated.images), generated.gap) == (5, 0.0)


def test_a_labeller_names_the_subject_and_images_of_another_label_are_not_kept():
    generator = Wrong()
    generated = generate_images(models(generator, LABELLED, batch_images=4), CAT, 6, 1, always)
    assert generated.label == Label("cat", pytest.approx(0.9))
    assert {name for name, _ in generator.asked} == {"cat"}
    assert all(seed % 2 == 0 and seed % 7 for seed in generated.seeds)
    reasons = {verdict.reason for verdict in generated.verdicts}
    assert "label" in reasons
    assert 0 < len(generated.images) <= 6
    assert len(generated.verdicts) <= 12
    assert 0 <= generated.gap < 10


def test_a_request_that_names_its_subject_is_right_and_the_labellers_label_is_still_returned():
    generator = Wrong()
    generated = generate_images(models(generator, LABELLED), Subject("dog", CAT.exemplars), 2, 1, always)
    assert {name for name, _ in generator.asked} == {"dog"}
    assert generated.label.name == "cat"


def test_a_name_that_the_labeller_does_not_know_is_not_checked():
    generated = generate_images(models(Wrong(), LABELLED), Subject("tabby", CAT.exemplars), 4, 1, always)
    assert not [verdict for verdict in generated.verdicts if verdict.reason == "label"]


def test_the_size_of_a_batch_changes_nothing():
    one, many = (generate_images(models(Wrong(), LABELLED, batch_images=n), CAT, 6, 1, always) for n in (1, 100))
    assert (one.images, one.seeds, one.gap) == (many.images, many.seeds, many.gap)


def test_seeds_of_a_name_come_from_its_pool():
    generated = generate_images(models(images_of_a_name=20), Subject("cat", CAT.exemplars), 20, 3, always)
    assert sorted({*generated.seeds} | {0, 7, 14}) == list(range(20))


def test_it_ends_when_it_may_not_continue():
    answers = iter([True, True, False])
    assert generate_images(models(batch_images=2), CAT, 6, 1, lambda: next(answers)) is None


def test_nothing_is_judged_once_it_may_not_continue():
    def never(subject):
        raise AssertionError(subject)

    assert generate_images(models(judge_of=never), CAT, 6, 1, lambda: False) is None


def test_where_every_image_is_refused_the_gap_is_theirs():
    none_near = partial(LabellerJudge, Brightness(), FilterRules(most_spreads=0.01))
    generated = generate_images(models(judge_of=none_near), CAT, 6, 1, always)
    assert (generated.images, {verdict.kept for verdict in generated.verdicts}) == ([], {False})
    assert generated.gap > 0.5
    fewer = generate_images(models(judge_of=none_near), CAT, 3, 1, always)
    assert fewer.gap == 0.0, "six candidates, of which some were flagged"


def test_a_generator_that_returns_too_few_is_an_error():
    class Few(SeedGenerator):
        def generate(self, subject, seeds):
            return super().generate(subject, seeds[1:])

    with pytest.raises(ValueError, match="returns one for each"):
        generate_images(Models(Few(), Few(), AcceptingJudge), CAT, 3, 1, always)


def test_what_is_cached_is_not_generated_again_and_is_the_same():
    generator = Wrong()
    observed = []
    cached = CachedGenerator(generator, SampleCache(100_000), lambda *counts: observed.append(counts))
    subject = Subject("cat", [exemplar(4)])
    first = cached.generate(subject, [1, 2, 7, 2])
    again = cached.generate(subject, [2, 3, 1, 7])
    assert [seeds for _, seeds in generator.asked] == [[1, 2, 7], [3, 7]]
    assert np.array_equal(first[1], again[0])
    assert np.array_equal(first[0], again[2])
    assert first[2] is again[3] is None
    assert cached.generate(Subject("dog", [exemplar(4)]), [1])[0] is not None
    assert generator.asked[-1] == ("dog", [1])
    assert [counts[:2] for counts in observed] == [(0, 3), (2, 2), (0, 1)]
    assert observed[0][2] < observed[1][2] < observed[2][2]


def test_kept_images_are_png_files():
    (file, *_) = generate_images(models(), CAT, 3, 1, always).images
    assert decode_image(file, 10**6, 10**6).shape == (4, 4, 3)


def test_each_member_is_labelled_by_itself_and_none_without_a_labeller():
    subject = Subject("", CAT.exemplars, [np.full((4, 4, 3), shade, np.uint8) for shade in (100, 200)])
    generated = generate_images(models(judge_of=LABELLED), subject, 2, 1, always)
    assert [label.name for label in generated.labels] == ["cat", "dog"]
    assert generate_images(models(), subject, 2, 1, always).labels == []
