import torch

from learner.model.contract import TrainingBatch
from learner.model.encoders.autoencoder import AutoencoderEncoder
from tests.learner.small import SETTINGS, digit_images

COUNT = 40
LONG = SETTINGS.autoencoder.model_copy(update={"epochs": 12})


def batch(words):
    window = digit_images(0, COUNT)
    return TrainingBatch(window, window[:0], torch.zeros(0, LONG.latent_width), torch.tensor(words))


def trained(words, **changed):
    start = AutoencoderEncoder.new(LONG.model_copy(update=changed), 0)
    return start.learn(batch(words), torch.Generator().manual_seed(0))


def spread_over_distance(encoder, words):
    """Return how far frames of one word lie from their middle, for each step between the two middles."""
    latents = encoder.embed(digit_images(0, COUNT))
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
    values = other[0].save().tensors
    assert all(torch.equal(value, values[name]) for name, value in one[0].save().tensors.items())


def test_an_image_is_learned_from_once_in_each_epoch():
    _, report = trained([-1] * COUNT)
    assert report.images == COUNT * LONG.epochs
