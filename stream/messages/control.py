"""The messages of the control topics, for those who import them from one place."""

from stream.messages.checkpoint_ready import CheckpointReady
from stream.messages.command import Command
from stream.messages.event import Event, Evidence
from stream.messages.ids import derived_id, id_within
from stream.messages.model_version import ModelVersion
from stream.messages.task_plan import OffsetRange, Ranges, TaskPlan
from stream.messages.truth import Truth

__all__ = [
    "CheckpointReady",
    "Command",
    "Event",
    "Evidence",
    "ModelVersion",
    "OffsetRange",
    "Ranges",
    "TaskPlan",
    "Truth",
    "derived_id",
    "id_within",
]
