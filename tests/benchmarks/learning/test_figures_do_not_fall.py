"""What the product is for, on a seeded stream: learn unlabelled classes one after the other, and forget none.

Scikit-learn's digits, 800 to stream and 397 unseen, at 16 pixels. Measured with SMALL, mean (least) of the seeds:

=====================  ============  ============  ============
order                  ACC           NMI           retention     seeds
class_incremental      0.86 (0.81)   0.82 (0.77)   0.88 (0.84)   5
  without recall       0.55 (0.52)   0.61 (0.60)   0.60 (0.53)   3
blurry                 0.75 (0.72)   0.78 (0.76)                 3
recurring              0.75 (0.74)   0.78 (0.76)                 3
shuffled               0.79 (0.75)   0.79 (0.77)                 3
=====================  ============  ============  ============

The default's channels: 0.88 (0.86), 0.83 (0.83), 0.88 (0.87), 2 seeds; without recall 0.56, 0.61 and 0.47. Each bound
stands below the least by what another change of the code moves at random. Mixed orders hardly need recall.
"""

import pytest

from benchmarks.learning.rows import Exam, r2r
from learner.settings import LearnerSettings
from stream.sources.datasets.orders import order_of
from stream.sources.datasets.packs import load_pack

CLASSES_PER_TASK = 2
SEED = 0
SMALL = LearnerSettings(seed=SEED, autoencoder={"input_size": 16, "channels": (16, 16, 16)})
DEFAULT_NETWORK = LearnerSettings(seed=SEED, autoencoder={"input_size": 16})


def figures_of(order: str, settings: LearnerSettings) -> dict[str, object]:
    """Return what is judged of one whole stream, some ten seconds of one core."""
    pack = load_pack("digits", None)
    indices = order_of(order, pack.stream_labels, CLASSES_PER_TASK, SEED)
    return r2r(Exam(pack, indices, CLASSES_PER_TASK, settings, has_tasks=order == "class_incremental"))


@pytest.mark.parametrize("settings", [SMALL, DEFAULT_NETWORK], ids=["small", "default"])
def test_classes_that_come_one_after_the_other_are_learned_and_kept(settings):
    figures = figures_of("class_incremental", settings)
    assert figures["acc"] > 0.75
    assert figures["nmi"] > 0.72
    assert figures["knowledge_retention"] > 0.78


@pytest.mark.parametrize("order", ["blurry", "recurring", "shuffled"])
def test_classes_that_come_mixed_or_come_again_are_learned(order):
    figures = figures_of(order, SMALL)
    assert figures["acc"] > 0.67
    assert figures["nmi"] > 0.71
