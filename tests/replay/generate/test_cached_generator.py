import tracemalloc

import pytest

from replay.generate.cached_generator import SampleCache, SampleKey

PLACE = 300
"""Bytes that are counted for an image beside its own."""


def key(seed, name="cat", generator="tiny/20 steps"):
    return SampleKey(name, generator, seed)


@pytest.mark.parametrize("other", [key(1, name="dog"), key(1, generator="tiny/4 steps"), key(2)])
def test_an_image_is_found_by_all_it_depends_on(other):
    cache = SampleCache(10_000)
    cache.keep(key(1), b"image")
    assert cache.find(key(1)) == b"image"
    assert cache.find(other) is None


def test_the_one_used_longest_ago_leaves_first():
    cache = SampleCache(3 * (PLACE + 10))
    for seed in (1, 2, 3):
        cache.keep(key(seed), b"x" * 10)
    cache.keep(key(1), b"x" * 10)
    cache.keep(key(4), b"x" * 10)
    assert [seed for seed in range(6) if cache.find(key(seed))] == [1, 3, 4]
    assert cache.held_bytes == 3 * (PLACE + 10)


def test_looking_changes_nothing():
    cache = SampleCache(2 * (PLACE + 10))
    cache.keep(key(1), b"x" * 10)
    cache.keep(key(2), b"x" * 10)
    cache.find(key(1))
    cache.keep(key(3), b"x" * 10)
    assert cache.find(key(1)) is None


def test_an_image_that_is_kept_again_counts_once():
    cache = SampleCache(10_000)
    for size in (10, 30, 20):
        cache.keep(key(1), b"x" * size)
    assert (len(cache), cache.held_bytes) == (1, PLACE + 20)


def test_one_that_is_larger_than_all_room_displaces_nothing():
    cache = SampleCache(1000)
    cache.keep(key(1), b"x")
    cache.keep(key(2), b"x" * 1000)
    assert cache.find(key(1)) == b"x"
    assert cache.find(key(2)) is None
    SampleCache(0).keep(key(1), b"")


@pytest.mark.parametrize("size", [0, 300, 20_000])
def test_ten_times_as_much_as_it_may_hold_takes_no_more_memory_than_that(size):
    most = 4 * 1024**2
    tracemalloc.start()
    try:
        cache = SampleCache(most)
        for seed in range(10 * most // (size + PLACE)):
            cache.keep(key(2**32 + seed), bytes(size))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert cache.held_bytes <= most
    assert taken <= most
