from dataclasses import replace

import pytest
import torch

from learner.memory.names import Names
from learner.model.clusters.clustering import Clustering
from learner.model.clusters.mixture import TiedMixture
from learner.model.clusters.word_constraints import keep_apart, part_by_words, word_votes
from learner.model.words import Words

SLOTS = 6
IDS = torch.tensor([4, 7, -1, -1, -1, -1])
SETTLED = {4: {"cat": 40.0}, 7: {"dog": 40.0}}


def words(*said, votes=None):
    return words_of(said, Names(votes=votes or {}))


def words_of(said, names):
    ids = IDS.tolist()
    return Words.of(said, [names.word_of(one) for one in ids], [names.is_settled(one) for one in ids])


def pair_of_clusters(slots):
    """Return two clusters at 0 and 9 with ten frames behind each, and where the frames begin."""
    means = torch.tensor([[0.0, 0.0], [9.0, 9.0]], dtype=torch.float64)
    mixture = replace(TiedMixture.empty(SLOTS, 2).with_added(means), ids_K=IDS, next_id=8)
    return Clustering(replace(mixture, counts_K=10.0 * mixture.live_K.double()), torch.tensor(slots))


def points(*values):
    return torch.tensor([[float(value)] * 2 for value in values], dtype=torch.float64)


def test_words_and_names_are_numbered_together_and_silence_has_no_number():
    spoken = words("dog", "", "cat", votes=SETTLED)
    assert spoken.vocabulary == ("cat", "dog")
    assert spoken.said_N.tolist() == [1, -1, 0]
    assert spoken.called_K.tolist() == [0, 1, -1, -1, -1, -1]
    assert spoken.settled_K.tolist() == [True, True, False, False, False, False]


def test_words_of_a_labeller_that_agrees_with_what_is_settled_count_also_where_they_are_others():
    said = ["cat"] * 18 + ["dog", "cat"]
    spoken = words(*said, votes=SETTLED)
    assert spoken.believed(torch.tensor([0] * 20)) is spoken


def test_where_the_world_has_left_the_labeller_only_words_in_unsettled_clusters_count():
    votes = SETTLED | {7: {"dog": 3.0}}
    spoken = words("cat", "dog", "dog", "cat", "dog", "cat", votes=votes)
    believed = spoken.believed(torch.tensor([0, 0, 0, 0, 1, 1]))
    assert believed.said_N.tolist() == [-1, -1, -1, -1, 1, 0]


def test_frames_of_another_word_leave_their_cluster_whose_past_counts_by_the_share_that_agrees():
    spoken = words("cat", "cat", "cow", "cow", "cow", "dog", votes=SETTLED)
    parted = part_by_words(spoken, pair_of_clusters([0, 0, 0, 0, 0, 1]), points(0, 0, 3, 4, 5, 9))
    assert parted.slots_N.tolist() == [0, 0, 2, 2, 2, 1]
    assert parted.start.ids_K.tolist() == [4, 7, 8, -1, -1, -1]
    assert parted.start.means_KD[2].tolist() == [4.0, 4.0]
    assert parted.start.counts_K.tolist() == [10.0 * 2 / 5, 10.0, 0.0, 0.0, 0.0, 0.0]


def test_a_cluster_that_no_word_agrees_with_counts_for_nothing():
    parted = part_by_words(words("cow", "cow", "cow", votes=SETTLED), pair_of_clusters([0, 0, 0]), points(3, 4, 5))
    assert parted.start.counts_K.tolist() == [0.0, 10.0, 0.0, 0.0, 0.0, 0.0]


def test_where_nothing_is_said_clusters_of_different_names_are_kept_apart_and_nothing_else_changes():
    before = pair_of_clusters([0, 1])
    silent = words("", "", votes=SETTLED)
    parted = part_by_words(silent, before, points(0, 9))
    assert not silent.spoken
    assert bool(parted.separations(points(0, 9))[0, 1].isinf())
    assert parted.start.counts_K.tolist() == before.start.counts_K.tolist()
    assert parted.allowed_NK is not None
    assert bool(parted.allowed_NK.all())


def test_names_alone_keep_clusters_apart_and_leave_the_rest_of_a_clustering_as_it_is():
    before = pair_of_clusters([0, 1])
    apart = keep_apart(words("", "", votes=SETTLED), before)
    assert bool(apart.separations(points(0, 9))[0, 1].isinf())
    assert replace(apart, called_K=None) == before


def test_two_frames_of_another_word_stay():
    spoken = words("cat", "cow", "cow", votes=SETTLED)
    parted = part_by_words(spoken, pair_of_clusters([0, 0, 0]), points(0, 3, 3))
    assert parted.slots_N.tolist() == [0, 0, 0]
    assert parted.start.counts_K[0] == 10.0


def test_a_cluster_without_a_name_is_called_by_the_word_said_most_often_of_it():
    spoken = words("cow", "cow", "hen", "cow")
    parted = part_by_words(spoken, pair_of_clusters([0, 0, 0, 0]), points(0, 0, 0, 0))
    assert parted.start.live_clusters == 2, "nothing is added for a name"
    assert parted.allowed_NK is not None
    assert parted.allowed_NK[0].tolist() == [True, False, False, False, False, False]


@pytest.mark.parametrize(("frames", "silent", "called"), [(2, 0, False), (3, 0, True), (3, 9, True), (3, 10, False)])
def test_a_few_frames_of_many_give_their_cluster_no_name_and_do_not_vote(frames, silent, called):
    spoken = words(*["cow"] * frames, *[""] * silent)
    everywhere = [0] * (frames + silent)
    parted = part_by_words(spoken, pair_of_clusters(everywhere), points(*everywhere))
    assert parted.called_K is not None
    assert bool(parted.called_K[0] >= 0) is called
    votes = word_votes(spoken, parted.start, parted.called_K, parted.slots_N)
    assert votes == (((4, "cow", float(frames)),) if called else ())


def test_a_frame_belongs_to_a_cluster_of_its_word_or_where_there_is_none_anywhere():
    parted = part_by_words(words("dog", "", "hen", votes=SETTLED), pair_of_clusters([0, 0, 0]), points(0, 0, 0))
    assert parted.allowed_NK is not None
    assert parted.allowed_NK[:, :2].tolist() == [[False, True], [True, True], [True, True]]
    fitted = parted.fitted(points(0, 0, 0))
    assert parted.assigned(fitted, points(0, 0, 0)).tolist() == [1, 0, 0]


def test_clusters_called_differently_are_apart_and_those_of_one_name_are_not():
    votes = {4: {"cat": 9.0}, 7: {"cat": 9.0}}
    apart = part_by_words(words("cat", votes=SETTLED), pair_of_clusters([0]), points(0))
    same = part_by_words(words("cat", votes=votes), pair_of_clusters([0]), points(0))
    assert [bool(one.separations(points(0))[0, 1].isinf()) for one in (apart, same)] == [True, False]


def test_where_no_slot_is_free_that_is_counted_and_nothing_moves():
    spoken = words("cow", "cow", "cow", votes=SETTLED)
    full = pair_of_clusters([0, 0, 0])
    full = replace(full, start=full.start.with_added(points(20, 30, 40, 50)))
    parted = part_by_words(spoken, full, points(3, 3, 3))
    assert (parted.without_slot, parted.slots_N.tolist()) == (1, [0, 0, 0])
    assert parted.start.counts_K[0] == 10.0


def test_votes_are_cast_for_the_clusters_in_which_frames_ended():
    spoken = words("cat", "cat", "dog", "", votes=SETTLED)
    mixture = pair_of_clusters([]).start
    assert word_votes(spoken, mixture, spoken.called_K, torch.tensor([0, 0, 1, 1])) == (
        (4, "cat", 2.0),
        (7, "dog", 1.0),
    )
    pruned = word_votes(spoken, mixture, spoken.called_K, torch.tensor([0, 0, 5, 1]))
    assert pruned == ((4, "cat", 2.0),), "a pruned cluster takes no votes"


@pytest.mark.parametrize(("kept", "gone"), [(0, 1), (1, 0)])
def test_joined_clusters_take_over_what_is_allowed_to_either(kept, gone):
    clustering = replace(
        pair_of_clusters([0, 1]),
        allowed_NK=torch.tensor([[True, False] + [False] * 4, [False, True] + [False] * 4]),
        called_K=torch.where(torch.arange(SLOTS) == gone, 5, -1),
    )
    joined = clustering.joined(kept, gone)
    assert joined.allowed_NK is not None
    assert joined.allowed_NK[:, kept].tolist() == [True, True]
    assert joined.called_K is not None
    assert int(joined.called_K[kept]) == 5, "and the name, where it has none"


def test_a_name_that_a_person_gave_parts_no_cluster_of_the_labellers_word():
    names = Names(given={4: "tabby"}, votes=SETTLED)
    spoken = words_of(["cat"] * 5, names)
    parted = part_by_words(spoken, pair_of_clusters([0] * 5), points(0, 0, 0, 0, 0))
    assert parted.start.live_clusters == 2
