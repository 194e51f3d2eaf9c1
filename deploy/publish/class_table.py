"""Which cluster belongs to which class: clusters with one name are one class.

Axes: K slots.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ClassTable:
    """Classes in slots: a class stands in the slot of its lowest cluster id."""

    membership_KK: npt.NDArray[np.float32]
    """1 where the cluster in the row's slot belongs to the class in the column's slot."""
    ids_K: npt.NDArray[np.int64]
    """The class's id; -1 in a slot that holds no class."""
    names_K: tuple[str, ...]
    """The class's name; empty in a slot that holds no class."""

    @property
    def live_classes(self) -> int:
        """How many classes there are."""
        return int((self.ids_K >= 0).sum())


def class_table(cluster_ids_K: Sequence[int], names: Mapping[int, str]) -> ClassTable:
    """Group the live clusters by name; a cluster without a name is a class of its own, ``cluster-<id>``.

    Parameters
    ----------
    cluster_ids_K
        -1 in a dead slot.
    names
        By cluster id; that of a dead cluster is passed over.

    Examples
    --------
    >>> table = class_table([4, 2, -1, 7], {4: "cat", 7: "cat"})
    >>> table.ids_K.tolist(), table.names_K
    ([4, 2, -1, -1], ('cat', 'cluster-2', '', ''))
    >>> table.membership_KK[:, 0].tolist()
    [1.0, 0.0, 0.0, 1.0]
    """
    slots = len(cluster_ids_K)
    membership_KK = np.zeros((slots, slots), np.float32)
    ids_K = np.full(slots, -1, np.int64)
    names_K = [""] * slots
    class_slots: dict[str | int, int] = {}  # a name, or the id of a cluster without one
    live = sorted((cluster, slot) for slot, cluster in enumerate(cluster_ids_K) if cluster >= 0)
    for cluster, slot in live:
        name = names.get(cluster, "")
        class_slot = class_slots.setdefault(name or cluster, slot)
        if class_slot == slot:
            ids_K[slot] = cluster
            names_K[slot] = name or f"cluster-{cluster}"
        membership_KK[slot, class_slot] = 1.0
    return ClassTable(membership_KK, ids_K, tuple(names_K))
