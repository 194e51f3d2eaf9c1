"""A learner small enough that a whole stream takes about a second: settings, digits on a log in memory, the loop."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from learner.faults import Faults
from learner.intake.admission import decoder, prepare
from learner.methods import preprocessing_of
from learner.model.clusters.model import ClusterModel
from learner.plan.inputs import InputLogs
from learner.plan.plan_log import MemoryPlanLog
from learner.plan.planner import Planner
from learner.process import fix_threads
from learner.settings import AutoencoderSettings, ClusterSettings, LearnerSettings
from learner.state import LearnerState
from learner.step import Effects, step
from stream.frame import Frame
from stream.log import Record
from stream.memory_log import MemoryLog
from stream.sources.datasets.dataset import DatasetSource
from stream.sources.datasets.orders import class_incremental
from stream.sources.datasets.packs import Pack, load_pack

FOREVER_SECONDS = 3600.0
# Two classes and two births at a time; the classes change before the longest interval is over.
SETTINGS = LearnerSettings(
    micro_task_frames=16,
    micro_task_seconds=FOREVER_SECONDS,
    window_frames=256,
    autoencoder=AutoencoderSettings(channels=(8, 8, 8), epochs=2),
    clusters=ClusterSettings(projection_dimensions=16, max_clusters=16, most_births=2, cluster_frames=4),
    warm_up_frames=48,
    update_frames=32,
    update_seconds=FOREVER_SECONDS,
    interval_frames=256,
    drift_threshold=5.0,
    checkpoint_tasks=4,
)
PREPROCESSING = preprocessing_of(SETTINGS)
decode = decoder()

load_digits = functools.cache(functools.partial(load_pack, "digits", None))


def digits_frames(first: int, count: int, sources: int = 3) -> list[Frame]:
    """Return frames ``first`` to ``first + count`` of the class-incremental digits."""
    pack: Pack = load_digits()
    source = DatasetSource(pack, class_incremental(pack.stream_labels, 2, 0), sources, "digits")
    return [labelled.frame for labelled in source.next_frames(first + count)[first:]]


def digits_log(count: int, partitions: int = 3, frame_ms: int = 40) -> MemoryLog:
    """Return a log of the first ``count`` frames, one source for each partition, so far apart."""
    log = MemoryLog(partitions)
    for place, frame in enumerate(digits_frames(0, count, partitions)):
        key, value, headers = frame.to_record()
        log.append(place % partitions, key, value, headers, place * frame_ms)
    return log


def log_of_records(records: Sequence[Record], partitions: int = 3) -> MemoryLog:
    """Return a log that holds the records where they stood."""
    log = MemoryLog(partitions)
    for record in records:
        offset = log.append(record.partition, record.key, record.value, record.headers, record.timestamp_ms)
        assert offset == record.offset
    return log


def run_through(
    log: MemoryLog | InputLogs,
    settings: LearnerSettings = SETTINGS,
    plans: MemoryPlanLog | None = None,
    observe: Callable[[Effects], None] = lambda _: None,
) -> tuple[LearnerState, list[Effects]]:
    """Let a new learner execute the plans that are there, then plan on until no full micro-task is left.

    ``observe`` gets the effects of each plan before the next one is cut.
    """
    fix_threads(1)
    state = LearnerState.new(settings)
    logs = log if isinstance(log, InputLogs) else InputLogs(log, topic="frames")
    planner = Planner("small", logs, plans or MemoryPlanLog(), state, lambda: 0, Faults())
    all_effects = []
    while (plan := planner.next_plan(state, 0.0)) is not None:
        state, effects = step(state, plan, logs.take(plan))
        all_effects.append(effects)
        observe(effects)
    return state, all_effects


def state_with_clusters(count: int) -> LearnerState:
    """Return a new learner's state to which clusters 0 to ``count`` were added, without anything learned."""
    model = ClusterModel.new(SETTINGS)
    centres = torch.zeros(count, SETTINGS.clusters.projection_dimensions, dtype=torch.float64)
    return replace(LearnerState.new(SETTINGS), model=replace(model, mixture=model.mixture.with_added(centres)))


def digit_images(first: int, count: int, settings: LearnerSettings = SETTINGS) -> Tensor:
    """Return prepared images [count, 3, S, S] of the class-incremental digits."""
    preprocessing = preprocessing_of(settings)
    return torch.stack([prepare(decode(frame.image), preprocessing) for frame in digits_frames(first, count)])
