"""The README's first table: what learning adds where a stream leaves its teachers' world."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.report.promises import short

_WORLDS = {
    "rotated": "slowly turned by 35°",
    "noisy": "slowly darker by 55 %, with sensor noise",
    "defocused": "slowly out of focus",
    "digits": "nothing changes",
}
_KEYS = ("named_acc", "labeller_zero_shot", "synthetic_only")


def named_table(result: Mapping[str, Any]) -> Sequence[str]:
    """Return a caption and the lines of a Markdown table; ``result`` is that of ``named_streams``."""
    lines = [
        "**With a labeller**: a tiny CLIP and a tiny diffusion pipeline, trained on 600 other digits, come with the "
        "package. The world slowly leaves what they know; the learner follows it, and nobody maps clusters to classes "
        f"({len(result['seeds'])} seeds, {short(result)}).",
        "",
    ]
    lines += [
        "| unseen digits under the last condition, rightly named | R2R | its labeller alone | synthetic images alone |"
    ]
    lines += ["|---|---|---|---|"]
    for world, title in _WORLDS.items():
        if world in result:
            cells = [f"{result[world][key]['mean']:.2f} ± {result[world][key]['std']:.2f}" for key in _KEYS]
            lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines
