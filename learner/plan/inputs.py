"""What an execution reads: the records of its plan's ranges, from three logs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from learner.intake.admission import Decoder, decoder
from learner.intake.progress import COMMANDS_PARTITION, Positions
from learner.plan.ahead import Ahead
from learner.plan.cut import merge_by_time, thinned
from learner.stopwatch import Stopwatch
from stream.log import FrameLog, Record
from stream.messages.task_plan import TaskPlan


@dataclass(frozen=True)
class Inputs:
    """The records inside a plan's ranges, by (partition, offset), and how to read them.

    Parameters
    ----------
    topic
        The name of the topic of the frames: part of the identity of a frame without CloudEvents headers.
    decode
        From an encoded image to its pixels. It may have begun before; its result depends on the bytes alone.
    replaying
        Counts seconds spent on samples and requests, for a metric; no result depends on it.
    """

    frames: Sequence[Record]
    samples: Sequence[Record] = ()
    commands: Sequence[Record] = ()
    topic: str = "r2r.frames"
    decode: Decoder = field(default_factory=decoder)
    replaying: Stopwatch = field(default_factory=Stopwatch)


@dataclass(frozen=True)
class InputLogs:
    """The logs of frames, of generated samples and of commands; without one of the last two it counts as empty.

    Samples and commands are never waited for: what is not there yet is for the next plan.
    """

    frames: FrameLog
    samples: FrameLog | None = None
    commands: FrameLog | None = None
    ahead: Ahead | None = None
    topic: str = "r2r.frames"
    replaying: Stopwatch = field(default_factory=Stopwatch)
    """Seconds spent on samples, in which frames waited."""

    def seek(self, positions: Positions) -> None:
        """Stand at the positions; see `stream.log.FrameLog.seek` for the errors."""
        self.frames.seek(positions.frames)
        if self.samples is not None:
            self.samples.seek(positions.samples)
        if self.commands is not None:
            self.commands.seek(positions.commands)

    def look(self) -> float:
        """Take in what there is of samples and commands, without waiting, and let nobody else read the frames.

        Returns
        -------
        float
            Seconds spent on samples. Frames waited in them only if a plan is cut now: see `replaying`.
        """
        if self.ahead is not None:
            self.ahead.wait()
        on_samples = Stopwatch()
        if self.samples is not None:
            with on_samples:
                self.samples.poll(0.0)
        if self.commands is not None:
            self.commands.poll(0.0)
        return on_samples.seconds

    def take(self, plan: TaskPlan) -> Inputs:
        """Return the records of a plan's ranges; see `stream.log.FrameLog.take` for the errors.

        The next plan's frames are begun with, as if it were like this one, and those that come meanwhile taken in.
        """
        if self.ahead is not None:
            self.ahead.wait()
        frames = self.frames.take(plan.frames)
        with self.replaying:
            samples = [] if self.samples is None else self.samples.take(plan.samples)
        wanted = {COMMANDS_PARTITION: plan.commands}
        commands = [] if self.commands is None else self.commands.take(wanted)
        if self.ahead is not None:
            expected = merge_by_time(self.frames.waiting().records.values(), len(frames))
            kept = thinned(expected, plan.keep_one_in)
            self.ahead.begin([record.value for record in kept if record.value], self.frames)
        decode = decoder() if self.ahead is None else self.ahead
        return Inputs(frames, samples, commands, self.topic, decode, self.replaying)
