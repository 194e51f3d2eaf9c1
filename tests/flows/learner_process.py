"""A real ``python -m learner.service``, ended by its pid; and what it left on its topic of plans."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from deploy.roles import LEARNER
from learner.settings import LearnerSettings
from stream.kafka.consumer import TopicTail, read_topic
from stream.kafka.topics import Topics
from stream.messages.task_plan import OffsetRange, TaskPlan
from stream.process.settings import Settings, StreamSettings
from tests.flows.role_process import RealProcess
from tests.wait import wait_until


class LearnerProcess(RealProcess):
    """A learner of ``model`` whose home is ``folder``; leaves nothing behind when the block ends."""

    def __init__(self, folder: Path, model: str, *flags: str, faults: str = "") -> None:
        self.home = folder / "home"
        self.log_file = self.home / "logs" / f"learner-{model}.log"
        settings = ["--settings", str(folder / "settings.toml")] if (folder / "settings.toml").exists() else []
        super().__init__(LEARNER, ["--model", model, "--home", str(self.home), *flags, *settings], faults)

    def wait_until_planned(
        self, streaming: StreamSettings, topics: Topics, ends: dict[int, int], leaving: int = 0
    ) -> None:
        """Return once its plans leave at most so many frames before ``ends``; fail as soon as it has ended before."""
        reached: dict[int, int] = {}
        with closing(TopicTail(streaming, topics.tasks)) as tail:

            def planned() -> bool:
                assert self.process.poll() is None, f"the learner ended early: {self.ended()}"
                for record in tail.next_records(0.1):
                    plan = TaskPlan.from_bytes(record.value or b"")
                    reached.update({partition: frames.stop for partition, frames in plan.frames.items()})
                return sum(ends.values()) - sum(reached.values()) <= leaving

            wait_until(planned, what=f"plans up to {ends}")


def write_settings(folder: Path, streaming: StreamSettings, learning: LearnerSettings) -> None:
    """Write the settings file of a learner process."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [*_table("stream", streaming), *_table("learner", learning)]
    (folder / "settings.toml").write_text("\n".join(lines))


def _table(name: str, settings: Settings) -> Iterator[str]:
    """Yield the lines of what is no default, tables within it last."""
    changed = settings.model_dump(mode="json", exclude_defaults=True)
    yield f"[{name}]"
    yield from (f"{key} = {json.dumps(value)}" for key, value in changed.items() if not isinstance(value, dict))
    for key, value in changed.items():
        if isinstance(value, dict):
            yield from _table(f"{name}.{key}", getattr(settings, key))


def written_plans(streaming: StreamSettings, topics: Topics) -> list[TaskPlan]:
    """Return all plans of a model, in the order of its topic."""
    return [TaskPlan.from_bytes(record.value or b"") for record in read_topic(streaming, topics.tasks)]


def reached_by(plans: list[TaskPlan]) -> dict[int, int]:
    """Return where the plans' ranges of frames end."""
    return {partition: frames.stop for plan in plans for partition, frames in plan.frames.items()}


def check_that_plans_tile(plans: list[TaskPlan], ends: dict[int, int]) -> None:
    """Fail unless the plans' numbers have no gap and their ranges cover each partition once, from 0 to its end."""
    assert [plan.task_seq for plan in plans] == list(range(1, len(plans) + 1)), "the plans' numbers have gaps"
    position = dict.fromkeys(ends, 0)
    for plan in plans:
        for partition, frames in plan.frames.items():
            assert frames == OffsetRange(position[partition], frames.stop), f"plan {plan.task_seq} leaves a gap"
            assert frames.stop > frames.start, f"plan {plan.task_seq} has an empty range"
            position[partition] = frames.stop
    assert position == ends, "the plans do not reach the log's end"
