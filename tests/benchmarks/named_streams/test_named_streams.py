"""Streams that leave the teachers' world, and how a named model is judged on them."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from benchmarks.named_streams.leaving_streams import WORLDS, leaving_stream
from benchmarks.named_streams.named_run import accuracy, named_run
from learner.settings import AutoencoderSettings, LearnerSettings
from replay.generate.generation import Models
from replay.generate.resynthesis import Resynthesis
from replay.judge.judge import LabellerJudge
from replay.judge.sample_filter import FilterRules
from replay.label.label import Label
from stream.sources.datasets.packs import load_pack

PACK = load_pack("digits", None)


@pytest.mark.parametrize("world", WORLDS)
def test_the_first_half_is_the_teachers_world_and_the_last_frame_shows_the_last_condition(world):
    stream = leaving_stream(PACK, world, 60, seed=3)
    still = leaving_stream(PACK, "digits", 60, seed=3)
    same = [np.array_equal(one, other) for one, other in zip(stream.stream_images, still.stream_images, strict=True)]
    assert all(same[:29])
    assert same[-1] == (world == "digits")
    assert np.array_equal(stream.test_images, PACK.test_images) == (world == "digits")
    assert np.array_equal(stream.stream_labels, still.stream_labels)


def test_a_stream_follows_its_seed_and_shows_all_images_before_one_comes_again():
    one, same, other = (leaving_stream(PACK, "noisy", 1000, seed).stream_labels for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert np.array_equal(np.bincount(one[:800]), np.bincount(PACK.stream_labels))


def test_a_name_is_right_or_wrong_and_no_name_is_wrong():
    some = replace(PACK, test_images=PACK.test_images[:2], test_labels=np.array([3, 4]))
    assert accuracy(["3", ""], some) == 0.5


class Everything:
    """Calls everything a three."""

    words = ("3", "4")

    def embed(self, images):
        return np.tile(np.array([1.0, 0.0], np.float32), (len(images), 1))

    def labels_of(self, embedded):
        return [Label("3", 0.9)] * len(embedded)


def test_a_learner_names_images_by_the_words_of_the_labeller():
    autoencoder = AutoencoderSettings(channels=(16, 16, 16), epochs=1)
    settings = LearnerSettings(seed=0, autoencoder=autoencoder, warm_up_frames=64, interval_frames=64)
    resynthesis = Resynthesis(1.0)
    models = Models(resynthesis, resynthesis, partial(LabellerJudge, Everything(), FilterRules()))
    stream = leaving_stream(PACK, "digits", 320, seed=0)
    run = named_run(stream, settings, models)
    said = run.names_of(stream.test_images, settings)
    assert {*said} <= {"3", ""}
    assert said.count("3") > len(said) / 2
    assert set(named_run(stream, settings, None).names_of(stream.test_images, settings)) == {""}
