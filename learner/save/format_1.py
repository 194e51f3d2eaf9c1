"""Checkpoints of versions 1.0 to 1.4 of ``r2r.learner-state``, as version 2 has them.

PageHinkley begins anew, as after each update. Settings that are gone are left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from stream.messages.wire_format import Document

_OLD_COUNT = 45.0  # frames behind a mean of version 1.0, which did not count them: half a window of that time
_REQUEST, _BATCH = 3, 5  # parts of an id within the model; until version 1.1 the model's name stood before them
_SHARED = ("input_size", "aspect", "learning_rate", "batch_images", "max_clusters", "threshold_rate")
_SETTINGS = {
    "input_size": "autoencoder",
    "aspect": "autoencoder",
    "encoder_channels": "autoencoder.channels",
    "epochs": "autoencoder",
    "batch_images": "autoencoder",
    "learning_rate": "autoencoder",
    "stability": "autoencoder",
    "word_strength": "autoencoder",
    "projection_dimensions": "clusters",
    "max_clusters": "clusters",
    "most_births": "clusters",
    "cluster_frames": "clusters",
    "merge_distance": "clusters",
    "regroup_frames": "clusters",
    "novel_rate": "clusters",
    "follow": "clusters",
    "follow_frames": "clusters",
    "threshold_rate": "clusters",
}
"""The table of a setting that stood flat, and its new name where it has one."""
_GONE_DETECTORS = ("never", "always")  # of benchmarks
_NETWORK, _PROJECTION, _KEPT = "network.", "projection.", ("mixture.", "uncertainty.", "feedback.")


def format_2_of(body: Document, tensors: Mapping[str, Tensor]) -> tuple[Document, dict[str, Tensor]]:
    """Return document and tensors of version 2."""
    positions = {
        "frames": body["positions"],
        "samples": body.get("sample_positions", {}),
        "commands": body.get("command_positions", {}),
    }
    counts = {name: body[name] for name in ("task_seq", "updates", "updated_at_task", "images_backpropagated")}
    counts |= {"keep_one_in": body.get("keep_one_in", 1), "frames_skipped": body.get("frames_skipped", 0)}
    runs = body["window_runs"]
    all_frames = sum(stop - start for _, start, stop in runs)
    exemplar_counts, images = _exemplars(tensors)
    parts = {
        "model": {"next_cluster_id": body["next_cluster_id"]},
        "detector": _detector(body["detectors"]),
        "schedule": {"pending": _pending(body["pending"]), "quiet_updates": body.get("quiet_updates", 0)},
        "window": {"runs": runs, "untrained": body.get("window_untrained", all_frames)},
        "progress": counts | {"positions": positions},
        "resends": {"windows": body["resends"]},
        "commands": {"ids": body.get("obeyed", [])},
        "names": {"given": body["names"], "votes": body.get("name_votes", {})},
        "labels": {"words": body.get("labels", [])},
        "exemplars": {"counts": exemplar_counts},
        "last_seen": {"frames_since": body.get("frames_since_seen", {})},
        "replay": _replay(body.get("replay")),
    }
    new = {_renamed(name): value for name, value in tensors.items() if not name.startswith("exemplars.")}
    return {"settings": _settings(body["settings"]), "parts": parts}, new | images | _missing(tensors)


def _settings(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {"autoencoder": {}, "clusters": {}, "paper": {}}
    for name, value in values.items():
        table, _, new = _SETTINGS.get(name, "").partition(".")
        if name == "drift_detector" and value in _GONE_DETECTORS:
            continue
        if name.startswith("paper_"):
            nested["paper"][name.removeprefix("paper_")] = value
        elif table:
            nested[table][new or name] = value
        else:
            nested[name] = value
        if name in _SHARED:
            nested["paper"][name] = value
    return nested


def _detector(states: Mapping[str, Any]) -> Document:
    """Return what ADWIN and KSWIN saw; of PageHinkley version 1 held private sums of a library, and it begins anew."""
    name = next(iter(states), "")
    return {"name": name, "seen": states.get(name, {}).get("shown", [])}


def _pending(values: Document | None) -> Document | None:
    return None if values is None else {"cause": "change"} | values


def _renamed(name: str) -> str:
    if name.startswith(_NETWORK):
        return f"model.encoder.{name}"
    if name.startswith((_PROJECTION, *_KEPT)):
        return f"model.{name}"
    return name  # replay.images_NCSS


def _missing(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what the mixture of version 1.0 did not have."""
    ids_K = tensors.get("mixture.ids_K")
    if ids_K is None or "mixture.covariance_DD" not in tensors:
        return {}
    old = {
        "counts_K": _OLD_COUNT * (ids_K >= 0).double(),
        "frames": torch.tensor([_OLD_COUNT], dtype=torch.float64),
    }
    return {f"model.mixture.{name}": value for name, value in old.items() if f"mixture.{name}" not in tensors}


def _exemplars(tensors: Mapping[str, Tensor]) -> tuple[list[list[int]], dict[str, Tensor]]:
    if "exemplars.counts_K" not in tensors:
        return [], {}
    ids, counts = tensors["mixture.ids_K"].tolist(), tensors["exemplars.counts_K"].tolist()
    own = sorted((cluster, slot, counts[slot]) for slot, cluster in enumerate(ids) if cluster >= 0 and counts[slot])
    if not own:
        return [], {}
    images = torch.cat([tensors["exemplars.images_KECSS"][slot, :count] for _, slot, count in own])
    return [[cluster, count] for cluster, _, count in own], {"exemplars.images_NCSS": images}


def _replay(values: Document | None) -> Document:
    if values is None:
        return {"asked": [], "generated": [], "counts": {}, "gaps": {}}
    asked = [
        one
        | {
            "id": _last(one["id"], _REQUEST),
            "batches": [_last(batch, _BATCH) for batch in one["batches"]],
            "members": one.get("members", []),
        }
        for one in values["asked"]
    ]
    known: Sequence[str] = ("counts", "gaps")
    return {"asked": asked, "generated": values["painted"], "gaps": {}} | {k: values[k] for k in known if k in values}


def _last(text: str, parts: int) -> str:
    return "/".join(text.split("/")[-parts:])
