import torch
from learner.model.clusters.knowledge import Knowledge

from learner.model.encoders.autoencoder import in_batches
from learner.model.encoders.training import Lesson, train
from tests.learner.small import SETTINGS, digit_images

COUNT = 40
LONG = SETTINGS.model_copy(update={"epochs": 12, "learning_rate_decay": 1.0})


def lesson(words):
    window = digit_images(0, COUNT)
    before = torch.zeros(0, 512 // 4)
    return Lesson(window, window[:0], before, torch.tensor(words))


def trained(words, **changed):
    settings = LONG.model_copy(update=changed)
    start = Knowledge.nothing(settings).network
    return train(start, lesson(words), settings, torch.Generator().manual_seed(0))


def spread_over_distance(network, words):
    """Return how far frames of one word lie from their middle, for each step between the two middles."""
    latents = in_batches(network.encode, digit_images(0, COUNT))
    zero, one = latents[words == 0], latents[words == 1]
    within = (zero - zero.mean(0)).norm(dim=1).mean() + (one - one.mean(0)).norm(dim=1).mean()
    return float(within / (zero.mean(0) - one.mean(0)).norm())


def test_words_lie_apart_where_training_tells_them_apart():
    words = torch.arange(COUNT) % 2
    loud, silent = (trained(words.tolist(), word_strength=strength)[0] for strength in (1.0, 0.0))
    assert spread_over_distance(loud, words) < 0.9 * spread_over_distance(silent, words)


def test_without_words_their_strength_changes_no_bit():
    one, other = (trained([-1] * COUNT, word_strength=strength) for strength in (1.0, 0.0))
    assert one[1] == other[1]
    assert all(torch.equal(a, b) for a, b in zip(one[0].parameters(), other[0].parameters(), strict=True))


def test_what_is_learned_from_stays_as_it_was():
    start = Knowledge.nothing(SETTINGS).network
    before = [parameter.clone() for parameter in start.parameters()]
    train(start, lesson([0, 1] * (COUNT // 2)), SETTINGS, torch.Generator().manual_seed(0))
    assert all(torch.equal(a, b) for a, b in zip(before, start.parameters(), strict=True))
