import pytest
import torch

from learner.change.uncertain_rate import UncertainRate
from learner.model.contract import Scores
from learner.settings import LearnerSettings, PaperSettings


@pytest.mark.parametrize(("uncertain", "fires"), [(0, False), (6, False), (7, True)])
def test_a_micro_task_signals_above_the_rate_and_says_so(uncertain, fires):
    nothing = torch.zeros(10)
    scores = Scores(nothing, nothing, nothing, nothing, torch.arange(10) < uncertain)
    detector = UncertainRate.new(LearnerSettings(paper=PaperSettings(uncertain_rate=0.6)))
    _, signal = detector.observe(scores)
    assert (signal is not None) == fires
    if signal is not None:
        assert (signal.detector, signal.threshold, signal.frame) == ("uncertain_rate", 0.6, 9)
        assert signal.statistic == pytest.approx(0.7)
