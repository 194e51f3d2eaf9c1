from dataclasses import replace

import pytest
import torch

from learner.model.clusters.births import Frames, add_clusters, birth_bounds, merge, nearest, prune, regroup
from learner.model.clusters.clustering import Clustering
from learner.model.clusters.mixture import TiedMixture, fit
from learner.settings import ClusterSettings

WIDTH = 24
FINDING = ClusterSettings(most_births=8, cluster_frames=8)
BOUNDS = birth_bounds(FINDING)
CENTRES = 3.0 * torch.randn(6, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def frames_of(*classes, each=30, seed=1):
    """Return frames around the centres of some classes, in their order; latents and coordinates are one space here."""
    noise = torch.randn(len(classes) * each, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    points = CENTRES[list(classes)].repeat_interleave(each, 0) + noise
    return Frames(points, points)


def knowing(*classes, slots=8):
    """Return a mixture that was fitted to frames of some classes: cluster 0 has the first of them, and so on."""
    frames = frames_of(*classes, seed=2)
    begun = TiedMixture.empty(slots, WIDTH).with_added(CENTRES[list(classes)])
    return fit(begun, frames.coordinates_ND, torch.arange(len(classes)).repeat_interleave(30))


def novel(frames, first=0, stop=None):
    """Say that frames ``first`` to ``stop`` are novel."""
    places = torch.arange(len(frames.latents_NL))
    return (places >= first) & (places < (len(places) if stop is None else stop))


def same(one, other):
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("means_KD", "ids_K", "counts_K"))


def groups_of(clustering, each=30):
    """Return the slots of each class's frames."""
    return [set(part.tolist()) for part in clustering.slots_N.split(each)]


def test_of_the_first_frames_each_group_becomes_a_cluster():
    frames = frames_of(0, 1, 2)
    found = add_clusters(TiedMixture.empty(8, WIDTH), frames, novel(frames), BOUNDS, 0)
    assert found.start.ids_K.tolist() == [0, 1, 2, *[-1] * 5]
    assert sorted(groups_of(found), key=min) == [{0}, {1}, {2}]
    for part, slots in zip(frames.coordinates_ND.split(30), groups_of(found), strict=True):
        torch.testing.assert_close(found.start.means_KD[slots.pop()], part.mean(0))
    assert (found.start.counts_K.abs().max(), found.without_slot) == (0, 0)


def test_novel_frames_become_clusters_with_new_ids_and_the_others_begin_at_their_nearest():
    known = knowing(0, 1)
    frames = frames_of(1, 2, 0, 3)
    mask = novel(frames, 30, 60) | novel(frames, 90)
    found = add_clusters(known, frames, mask, BOUNDS, 0)
    assert found.start.ids_K.tolist()[:5] == [0, 1, 2, 3, -1]
    kept, one, again, other = groups_of(found)
    assert (kept, again, one | other) == ({1}, {0}, {2, 3})
    assert torch.equal(found.start.means_KD[:2], known.means_KD[:2])
    assert torch.equal(found.start.counts_K[:2], known.counts_K[:2])
    assert known.live_clusters == 2


@pytest.mark.parametrize(("frames_each", "added"), [(7, 0), (8, 1)])
def test_too_few_novel_frames_add_nothing(frames_each, added):
    known, frames = knowing(0, 1), frames_of(2, each=frames_each)
    found = add_clusters(known, frames, novel(frames), BOUNDS, 0)
    assert found.start.live_clusters == 2 + added
    if not added:
        assert same(found.start, known)
        assert torch.equal(found.slots_N, nearest(known, frames.coordinates_ND))


def test_of_the_groups_only_those_that_are_large_enough_become_clusters():
    known = knowing(0, 1)
    frames = Frames(*[torch.cat([frames_of(2).latents_NL, frames_of(3, each=12).latents_NL])] * 2)
    bounds = replace(BOUNDS, frames=13)
    found = add_clusters(known, frames, novel(frames), bounds, 0)
    assert found.start.ids_K.tolist()[:4] == [0, 1, 2, -1]
    assert found.slots_N[:30].tolist() == [2] * 30
    assert found.slots_N[30:].max() < 2


def test_new_clusters_without_a_free_slot_are_counted_and_their_frames_begin_at_their_nearest():
    known = knowing(0, 1, slots=5)
    frames = frames_of(2, 3, 4, 5)
    found = add_clusters(known, frames, novel(frames), BOUNDS, 0)
    assert (found.start.live_clusters, found.without_slot) == (5, 1)
    assert sum(slots <= {0, 1} for slots in groups_of(found)) == 1
    again = add_clusters(found.start, frames_of(5), novel(frames_of(5)), BOUNDS, 0)
    assert (again.start.live_clusters, again.without_slot) == (5, 1)
    assert same(again.start, found.start)


def test_the_same_seed_adds_the_same_clusters():
    frames = frames_of(0, 1, 2)
    one, again = (add_clusters(TiedMixture.empty(8, WIDTH), frames, novel(frames), BOUNDS, 5) for _ in range(2))
    assert same(one.start, again.start)
    assert torch.equal(one.slots_N, again.slots_N)


def lumped(*members):
    """Return a mixture whose clusters each stand between several classes, as if they had come of too few frames."""
    means = torch.stack([CENTRES[list(classes)].mean(0) for classes in members])
    begun = TiedMixture.empty(8, WIDTH).with_added(means)
    return replace(begun, counts_K=torch.tensor([40.0] * len(members) + [0.0] * (8 - len(members))).double())


def test_a_cluster_that_is_several_is_split_and_ids_stay_with_most_of_their_frames():
    known = lumped((0,), (1, 2))
    frames = Frames(
        *[torch.cat([frames_of(0).latents_NL, frames_of(1, each=40).latents_NL, frames_of(2).latents_NL])] * 2
    )
    found = regroup(known, frames, FINDING, 0)
    assert found.start.ids_K.tolist()[:4] == [0, 1, 2, -1]
    slots = [set(part.tolist()) for part in found.slots_N.split([30, 40, 30])]
    assert slots == [{0}, {1}, {2}], "the older id goes with the larger part"
    for slot, part in enumerate(frames.coordinates_ND.split([30, 40, 30])[1:], start=1):
        torch.testing.assert_close(found.start.means_KD[slot], part.mean(0))
    assert found.start.counts_K[:3].tolist() == [40, 0, 0], "what a mixed cluster was is not what it is"
    assert known.live_clusters == 2


def test_clusters_that_are_as_distinct_as_a_fresh_grouping_stay():
    assert regroup(knowing(0, 1, 2), frames_of(0, 1, 2), FINDING, 0) is None


@pytest.mark.parametrize("seed", [1, 2])
def test_a_world_of_one_class_stays_one_cluster(seed):
    assert regroup(knowing(0), frames_of(0, each=160, seed=seed), FINDING, 0) is None


def test_a_part_of_the_world_says_nothing_about_the_whole():
    assert regroup(knowing(0, 1, 2, 3, 4), frames_of(0, 1), FINDING, 0) is None


def test_statistics_begin_anew_but_not_those_of_a_cluster_that_is_as_it_was():
    known = replace(lumped((0,), (1, 2)), frames=80.0)
    found = regroup(known, frames_of(0, 1, 2), FINDING, 0)
    assert found.start.frames == 0.0, "the covariance held the scatter between classes"
    assert found.start.counts_K[:3].tolist() == [40, 0, 0]
    assert torch.equal(found.start.means_KD[0], known.means_KD[0])


def test_a_cluster_that_the_recent_frames_do_not_show_stays_as_it_was():
    known = lumped((0,), (1, 2), (5,))
    found = regroup(known, frames_of(0, 1, 2), FINDING, 0)
    assert found.start.ids_K.tolist()[:5] == [0, 1, 2, 3, -1]
    assert torch.equal(found.start.means_KD[2], known.means_KD[2])
    assert found.start.counts_K[2] == 40
    assert 2 not in found.slots_N


def close_pair(apart):
    """Return clusters 0 and 1 with 30 frames each, so many deviations apart along one axis, and 2 far away."""
    points = torch.randn(90, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    points -= points.view(3, 30, WIDTH).mean(1).repeat_interleave(30, 0)
    points[30:60, 0] += apart
    points[60:, 1] += 60.0
    slots = torch.arange(3).repeat_interleave(30)
    means = torch.stack([part.mean(0) for part in points.split(30)])
    return Clustering(TiedMixture.empty(8, WIDTH).with_added(means), slots), points


def test_clusters_nearer_than_the_distance_are_one_and_the_older_id_stays():
    clustering, points = close_pair(0.5)
    found, merged = merge(clustering, points, 3.0)
    assert merged == [(0, 1)]
    assert found.start.ids_K.tolist()[:4] == [0, -1, 2, -1]
    assert found.slots_N.tolist() == [0] * 60 + [2] * 30
    torch.testing.assert_close(
        fit(found.start, points, found.slots_N).means_KD[0], points[:60].mean(0), atol=0.05, rtol=0
    )


def test_the_older_id_stays_in_whichever_slot_it_is():
    clustering, points = close_pair(0.5)
    swapped = replace(clustering.start, ids_K=torch.tensor([4, 1, 2, *[-1] * 5]), next_id=5)
    found, merged = merge(replace(clustering, start=swapped), points, 3.0)
    assert merged == [(1, 4)]
    assert found.start.ids_K.tolist()[:4] == [-1, 1, 2, -1]
    assert found.slots_N.tolist() == [1] * 60 + [2] * 30


def test_what_stood_behind_both_stands_behind_the_one_at_their_common_mean():
    clustering, points = close_pair(0.5)
    heavy = replace(clustering.start, counts_K=torch.tensor([60.0, 20.0, 10.0, *[0.0] * 5]).double(), frames=90.0)
    found, _ = merge(replace(clustering, start=heavy), points, 3.0)
    assert found.start.counts_K.tolist()[:3] == [80, 0, 10]
    torch.testing.assert_close(found.start.means_KD[0], 0.75 * heavy.means_KD[0] + 0.25 * heavy.means_KD[1])


@pytest.mark.parametrize("distance", [0.0, 3.0])
def test_clusters_farther_apart_and_without_a_distance_all_stay_two(distance):
    clustering, points = close_pair(12.0 if distance else 0.5)
    found, merged = merge(clustering, points, distance)
    assert (merged, found) == ([], clustering)


def test_merging_goes_on_until_all_are_apart_and_leaves_one():
    clustering, points = close_pair(0.5)
    found, merged = merge(clustering, points, 1e6)
    assert [gone for _, gone in merged] in ([1, 2], [2, 1])
    assert found.start.ids_K.tolist() == [0, *[-1] * 7]
    assert merge(found, points, 1e6) == (found, [])


def counted(*counts):
    """Return a mixture behind whose clusters so many frames stand."""
    begun = TiedMixture.empty(8, WIDTH).with_added(CENTRES[: len(counts)])
    return replace(begun, counts_K=torch.tensor([*counts, *[0.0] * (8 - len(counts))]).double())


def test_clusters_with_too_few_frames_behind_them_are_dropped():
    mixture, gone = prune(counted(30, 3.9, 4.0, 0.1), 4.0)
    assert (mixture.ids_K.tolist()[:5], gone) == ([0, -1, 2, -1, -1], [1, 3])
    assert mixture.with_added(CENTRES[:1]).ids_K.tolist()[:3] == [0, 4, 2], "ids do not come back"


def test_the_cluster_with_most_frames_is_never_dropped():
    mixture, gone = prune(counted(1, 2, 1), 4.0)
    assert (mixture.ids_K.tolist()[:3], gone) == ([-1, 1, -1], [0, 2])


def test_nothing_weak_nothing_dropped():
    before = counted(30, 30)
    mixture, gone = prune(before, 4.0)
    assert gone == []
    assert same(mixture, before)


def test_what_was_grouped_afresh_stays_when_it_is_grouped_again():
    frames = frames_of(0, 1, 2, 3, each=40)
    found = regroup(lumped((0, 1), (2, 3)), frames, FINDING, 0)
    settled = fit(found.start, frames.coordinates_ND, found.slots_N)
    assert regroup(settled, frames, FINDING, 1) is None
