"""The README's first tables: what learning adds where a stream leaves its labeller's world, and what rehearsal adds."""

from collections.abc import Sequence

from benchmarks.report.provenance import Result, measured

_WORLDS = {
    "rotated": "slowly turned by 35°",
    "noisy": "slowly darker by 55 %, with sensor noise",
    "defocused": "slowly out of focus",
    "digits": "nothing changes",
}
_KEYS = ("named_acc", "labeller_zero_shot", "synthetic_only")
_WAYS = {
    "none": "nothing",
    "mixture": "recalled images",
    "diffusion": "generated images",
    "both": "both: the default",
}


def named_table(result: Result) -> Sequence[str]:
    """Return caption, table and provenance; ``result`` is that of ``named_streams``."""
    lines = [
        "**With a labeller that learned from labels**: the package brings a tiny CLIP and a tiny diffusion pipeline, "
        "trained on 600 *labelled* digits. They are other digits than those streamed and tested here. The learner gets "
        "no label. The second half of each stream slowly changes into what the labeller does not know. The test digits "
        "look like its last frames.",
        "",
    ]
    lines += ["| unseen digits, rightly named | R2R | its labeller alone | synthetic images alone |"]
    lines += ["|---|---|---|---|"]
    for world, title in _WORLDS.items():
        if world in result:
            cells = [f"{result[world][key]['mean']:.2f} ± {result[world][key]['std']:.2f}" for key in _KEYS]
            lines.append(f"| {title} | {' | '.join(cells)} |")
    return [*lines, "", measured({"all": result})]


def ablation_table(result: Result) -> Sequence[str]:
    """Return what rehearsal is worth on these streams, at one rehearsed image for each new one."""
    lines = [
        "| what an update rehearses, same four streams, 800 frames each | rightly named, mean |",
        "|---|---|",
    ]
    for way, title in _WAYS.items():
        found = result[way]["0" if way == "none" else "1"]
        lines.append(f"| {title} | {found['mean']:.3f} |")
    lines += ["", measured({"all": result})]
    none, both = result["none"]["0"]["mean"], result["both"]["1"]["mean"]
    verdict = (
        "The default does not help on these streams: every window holds all ten classes, so there is nothing to forget."
        if none >= both
        else "The default helps on these streams."
    )
    return [*lines, "", verdict]
