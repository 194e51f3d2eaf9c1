"""The row ``paper``: stages A, B and D as published, on the same stream, one pass, without boundaries.

Tuned as docs/paper_method.md says. Its trigger needs micro-tasks small beside a task: the uncertain rate of one is all
the evidence it has. The longest interval is ours, not the paper's: it is set as far as it goes.
"""

from dataclasses import replace

from benchmarks.learning.rows import Exam, Figures, r2r

_MICRO_TASK_FRAMES = 32


def paper(exam: Exam) -> Figures:
    """Return the figures of ``method = "paper"``, judged exactly as ``r2r`` is."""
    changes: dict[str, object] = {"method": "paper", "micro_task_frames": _MICRO_TASK_FRAMES}
    changes |= {"interval_frames": exam.settings.window_frames}
    return r2r(replace(exam, settings=exam.settings.model_copy(update=changes)))
