"""The learner's process: ``python -m learner.service --model NAME``."""

import functools
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Protocol

from learner.faults import Faults
from learner.intake.admission import decoder
from learner.plan.ahead import Ahead
from learner.plan.inputs import InputLogs
from learner.plan.plan_log import KafkaPlanLog, checked_plans
from learner.plan.planner import Clock, Planner
from learner.process import fix_threads, keep_freed_memory
from learner.save.checkpoint import CheckpointStore, SavedCheckpoint, content_sha256
from learner.save.resume import resume
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.step import Effects, step
from learner.tell import metrics
from learner.tell.outbox import Outbox
from stream.kafka.admin import create_topics, wait_for_broker
from stream.kafka.consumer import PartitionConsumer
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.messages.task_plan import TaskPlan
from stream.process.clock import now_ms
from stream.process.errors import LearnerFenced
from stream.process.lock import ProcessLock
from stream.process.role import Role, parser, run_role
from stream.process.settings import StreamSettings

_POLL_SECONDS = 0.2
_SAMPLE_BUFFER_BYTES = 16 * 1024**2
_COMMAND_BUFFER_BYTES = 1024**2


class Stopping(Protocol):
    """Asked before each plan; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Say whether the loop is to end."""


@dataclass
class Learner:
    """A learner's parts, wired by `open_learner`; `learn` is its loop."""

    model: str
    frames: PartitionConsumer
    logs: InputLogs
    planner: Planner
    checkpoints: CheckpointStore
    outbox: Outbox
    clock: Clock
    faults: Faults
    state: LearnerState
    origin: Mapping[str, str]

    def learn(self, stopping: Stopping) -> None:
        """Plan, execute and confirm, send, checkpoint, until ``stopping`` is set; then leave a checkpoint behind."""
        self._announce_again()
        metrics.observe_state(self.model, self.state)
        unsaved = 0
        while not stopping.is_set():
            plan = self.planner.next_plan(self.state, _POLL_SECONDS)
            metrics.observe_lag(self.model, self.frames.lag_records())
            if plan is None:
                continue
            effects = self._execute(plan)
            self.outbox.send(effects)
            unsaved += 1
            if effects.publishes or unsaved >= self.state.settings.checkpoint_tasks:
                self._checkpoint()
                unsaved = 0
        if unsaved:
            self._checkpoint()

    def _execute(self, plan: TaskPlan) -> Effects:
        """Execute a plan while it is written; it is durable before metrics, the first to leave the process, change."""
        started = time.perf_counter()
        self.state, effects = step(self.state, plan, self.logs.take(plan))
        seconds = time.perf_counter() - started
        if effects.update is not None:
            self.faults.reached("update_executed")
        self.faults.reached("plan_executed")
        self.planner.confirm()
        metrics.observe_task(self.state, effects, seconds)
        metrics.observe_replay_stall(self.model, self.logs.replaying.seconds)
        return effects

    def _checkpoint(self) -> None:
        """Make the state durable, announce it, then commit offsets: in this order, so that a crash loses nothing."""
        started = time.perf_counter()
        saved = self.checkpoints.save(self.state, self.origin, self.clock())
        metrics.observe_checkpoint(self.model, time.perf_counter() - started)
        self._announce(saved)
        self.faults.reached("announced")
        self.frames.commit(self.state.progress.positions.frames, f"{self.frames.topic}-{self.model}")
        self.faults.reached("offsets_committed")

    def _announce_again(self) -> None:
        """Announce the newest checkpoint once more: a crash may have come between it and its announcement."""
        newest = self.checkpoints.newest()
        if newest is not None and self.state.progress.task_seq > 0:
            self._announce(SavedCheckpoint(newest, self.state.progress.task_seq, content_sha256(newest)))

    def _announce(self, saved: SavedCheckpoint) -> None:
        self.outbox.announce(saved, publish=self.state.progress.updated_at_task == saved.task_seq)


@contextmanager
def open_learner(
    streaming: StreamSettings,
    settings: LearnerSettings,
    topics: Topics,
    store: CheckpointStore,
    clock: Clock,
    faults: Faults,
) -> Iterator[Learner]:
    """Wire a learner; that its checkpoint fits is known before the plan log fences an older learner elsewhere."""
    with (
        ProcessLock(store.folder / "LOCK", functools.partial(_running_already, topics.model)),
        BoundedProducer(streaming) as producer,
        closing(PartitionConsumer(streaming, topics.frames)) as frames,
        closing(PartitionConsumer(_small(streaming, _SAMPLE_BUFFER_BYTES), topics.replay_samples)) as samples,
        closing(PartitionConsumer(_small(streaming, _COMMAND_BUFFER_BYTES), topics.commands)) as commands,
        closing(Ahead(decoder(streaming))) as ahead,  # closed first: it may be reading
    ):
        logs = InputLogs(frames, samples, commands, ahead, topics.frames)
        origin = {"cluster": frames.cluster_id, "topic": frames.topic_id}
        origin |= {"samples_topic": samples.topic_id, "commands_topic": commands.topic_id}
        newest = store.newest_good()
        state = (
            LearnerState.new(settings) if newest is None else resume(newest, settings, frames, origin, topics.frames)
        )
        with closing(KafkaPlanLog(streaming, topics)) as plans:
            checked_plans(plans, state)  # a learner that cannot go on must not end one that can
            plans.take_over()
            if newest is None:
                store.save(state, origin, clock())  # so that a topic made anew is noticed from the first plan on
            planner = Planner(topics.model, logs, plans, state, clock, faults)
            outbox = Outbox(producer, topics)
            yield Learner(topics.model, frames, logs, planner, store, outbox, clock, faults, state, origin)


def _small(settings: StreamSettings, buffer_bytes: int) -> StreamSettings:
    return settings.model_copy(update={"buffer_bytes": min(buffer_bytes, settings.buffer_bytes)})


def _running_already(model: str, process: str) -> LearnerFenced:
    message = (
        f"a learner of model {model!r} is running already (process {process}); "
        "stop it first, or choose another name with --model"
    )
    return LearnerFenced(message)


def body(role: Role) -> None:
    """Wire a learner from its settings and run it."""
    streaming = role.settings("stream", StreamSettings)
    settings = role.settings("learner", LearnerSettings)
    topics = Topics(role.flags.model, streaming.topic_prefix)
    faults = Faults.parse(os.environ.get("R2R_TEST_FAULTS", ""))
    fix_threads(settings.threads)
    keep_freed_memory()
    wait_for_broker(streaming)
    create_topics(streaming, topics)
    store = CheckpointStore(role.home.checkpoints, topics.model, settings.keep_checkpoints, faults)
    with open_learner(streaming, settings, topics, store, now_ms, faults) as learner:
        learner.learn(role.stopping)


def main(argv: Sequence[str]) -> int:
    """Run the role; return its exit code."""
    flags = parser("learner", __doc__ or "")
    flags.add_argument("--model", required=True, help="the model's name")
    return run_role("learner", flags, body, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
