"""Clusters of one name are one class."""

import numpy as np

from deploy.publish.class_table import class_table


def test_without_names_every_cluster_is_a_class_in_its_own_slot() -> None:
    table = class_table([3, -1, 0], {})
    assert table.ids_K.tolist() == [3, -1, 0]
    assert table.names_K == ("cluster-3", "", "cluster-0")
    np.testing.assert_array_equal(table.membership_KK, np.diag([1, 0, 1]))
    assert table.live_classes == 2


def test_a_class_has_the_lowest_id_of_its_clusters_wherever_they_stand() -> None:
    table = class_table([9, 4, 6], {9: "cat", 4: "dog", 6: "cat"})
    assert table.ids_K.tolist() == [-1, 4, 6]
    assert table.names_K == ("", "dog", "cat")
    assert table.membership_KK[:, 2].tolist() == [1, 0, 1]


def test_a_cluster_named_like_another_s_default_does_not_join_it() -> None:
    assert class_table([0, 1], {1: "cluster-0"}).live_classes == 2


def test_names_of_dead_clusters_and_empty_names_are_passed_over() -> None:
    table = class_table([0, -1], {5: "gone", 0: ""})
    assert table.names_K == ("cluster-0", "")
