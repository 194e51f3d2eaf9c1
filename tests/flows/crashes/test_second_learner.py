"""One learner for each model: refused on the same machine, fenced from another."""

from learner.faults import Faults
from learner.save.checkpoint import CheckpointStore
from stream.kafka.topics import Topics
from tests.flows.learner_process import LearnerProcess, check_that_plans_tile, write_settings, written_plans
from tests.flows.preload import preload
from tests.learner.small import SETTINGS
from tests.wait import wait_until

MODEL = "one"


def test_a_second_learner_is_refused_here_and_takes_over_from_elsewhere(stream_settings, tmp_path):
    topics = Topics(MODEL, stream_settings.topic_prefix)
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    for folder in (here, elsewhere):
        write_settings(folder, stream_settings, SETTINGS)
    ends = preload(stream_settings, topics, 0, 64)
    with LearnerProcess(here, MODEL) as first:
        first.wait_until_planned(stream_settings, topics, ends)
        with LearnerProcess(here, MODEL) as second:
            code, told = second.ended()
        assert (code, told.count("\n")) == (1, 1)
        assert told.startswith(
            f"learner: a learner of model {MODEL!r} is running already (process {first.process.pid});"
        )
        with LearnerProcess(elsewhere, MODEL) as third:
            theirs = CheckpointStore(third.home / "checkpoints", MODEL, 2, Faults())
            wait_until(theirs.newest, what="the third learner's first checkpoint")
            assert first.process.poll() is None, "nothing was to be planned, so it has not met the fence"
            ends = preload(stream_settings, topics, 64, 16)
            code, told = first.ended()
            assert (code, told.count("\n")) == (1, 1)
            assert told.startswith(f"learner: another learner of model {MODEL} has taken over;")
            third.wait_until_planned(stream_settings, topics, ends)
            assert third.stopped() == (0, "")
    check_that_plans_tile(written_plans(stream_settings, topics), ends)
