"""What every `FrameSource` keeps; a new kind of source joins `SOURCES`."""

import pytest

from stream.errors import SourceUnavailable
from stream.image_codec import decode_image
from stream.sources import FrameSource
from stream.sources.dataset import DatasetSource
from stream.sources.packs import load_pack

FRAMES = 11


def open_dataset():
    return DatasetSource(load_pack("digits", None), range(FRAMES), sources=3, name="digits")


SOURCES = {"dataset": open_dataset}


@pytest.fixture(params=SOURCES)
def open_source(request):
    return SOURCES[request.param]


def drained(source: FrameSource, limit):
    frames = []
    while given := source.next_frames(limit):
        assert len(given) <= limit
        frames += given
        assert source.position == len(frames)
    return frames


def test_all_frames_are_given_once_then_the_empty_list_for_good(open_source):
    source = open_source()
    assert source.position == 0
    frames = drained(source, limit=4)
    assert len({item.frame.identity for item in frames}) == len(frames) == FRAMES
    assert source.next_frames(4) == []
    assert source.position == FRAMES


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_how_many_are_asked_for_changes_nothing(open_source, limit):
    assert drained(open_source(), limit) == drained(open_source(), 4)


def test_each_source_counts_from_0_without_gaps(open_source):
    sequences = {}
    for item in drained(open_source(), 4):
        sequences.setdefault(item.frame.source, []).append(item.frame.sequence)
    for counted in sequences.values():
        assert counted == list(range(len(counted)))


def test_every_frame_is_an_image(open_source):
    for item in drained(open_source(), 4):
        assert decode_image(item.frame.image, 1_000_000, 1_000_000).ndim == 3


def test_closing_is_idempotent_and_ends_giving(open_source):
    source = open_source()
    source.close()
    source.close()
    with pytest.raises(SourceUnavailable):
        source.next_frames(1)
