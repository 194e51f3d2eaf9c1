"""What every `FrameSource` keeps; a new kind of source joins `SOURCES`."""

import threading

import pytest

from stream.image_codec import decode_image
from stream.process.errors import SourceUnavailable
from stream.process.settings import StreamSettings
from stream.sources import FrameSource
from stream.sources.cameras.camera import CameraSource
from stream.sources.cameras.camera_reader import CameraOptions, Clocks
from stream.sources.cameras.video import Address
from stream.sources.datasets.dataset import DatasetSource
from stream.sources.datasets.drifting import DriftingSource
from stream.sources.datasets.drifts import Drift
from stream.sources.datasets.image_tree import read_image_tree
from stream.sources.datasets.packs import load_pack
from stream.sources.folders.folder import FolderOptions, FolderSource
from stream.sources.folders.folder_journal import FolderJournal
from tests.stream.sources.files import write_picture
from tests.stream.sources.videos import write_video

FRAMES = 11
SETTINGS = StreamSettings()
CLOCKS = Clocks(now_ms=lambda: 1_795_000_000_000)
DRIFTS = [Drift("rotation", 5, first_frame=2), Drift("noise", 3, first_frame=5, span_frames=4)]


def dataset(_place, _stopping):
    return DatasetSource(load_pack("digits", None), range(FRAMES), sources=3, name="digits")


def drifting_dataset(place, stopping):
    return DriftingSource(dataset(place, stopping), DRIFTS, seed=0, settings=SETTINGS)


def image_tree(place, _stopping):
    return DatasetSource(read_image_tree(place / "pictures", SETTINGS), range(FRAMES), sources=2, name="zoo")


def folder(place, stopping, poll_seconds=None):
    """Open it with a new journal, as on another machine; how it goes on from its own is tested beside it."""
    number = len(list(place.glob("journal*.lock")))
    journal = FolderJournal(place / f"journal{number}.jsonl", "pictures")
    return FolderSource(place / "pictures", journal, FolderOptions("name", poll_seconds), SETTINGS, stopping)


def watched_folder(place, stopping):
    return folder(place, stopping, poll_seconds=0.01)


def recording(place, stopping, **options):
    address = Address(str(place / "clip.mp4"))
    return CameraSource(address, "clip", CameraOptions(**options), SETTINGS, stopping, CLOCKS)


def slow_recording(place, stopping):
    return recording(place, stopping, queue_bytes=1)


def recording_in_real_time(place, stopping):
    return recording(place, stopping, realtime=True)


SOURCES = {
    made.__name__: made
    for made in (dataset, drifting_dataset, image_tree, folder, recording, slow_recording, recording_in_real_time)
}
ENDLESS = {
    "watched_folder": watched_folder,
    "looped_recording": lambda place, stopping: recording(place, stopping, loop=True),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Make a folder with pictures and a clip, `FRAMES` of each."""
    place = tmp_path_factory.mktemp("sources")
    for number in range(FRAMES):
        write_picture(place / "pictures", f"class-{number % 3}/{number:02}.png", 20 * number, mtime=1000 + number)
    write_video(place / "clip.mp4", range(0, 20 * FRAMES, 20), rate=100)
    return place


def opener(kinds, name, place):
    """Return a function that opens the source anew each time, and a list of what it opened."""
    opened = []

    def open_source(stopping=None):
        opened.append(kinds[name](place, stopping or threading.Event()))
        return opened[-1]

    return open_source, opened


@pytest.fixture(params=SOURCES)
def open_source(request, place):
    open_one, opened = opener(SOURCES, request.param, place)
    yield open_one
    for source in opened:
        source.close()


@pytest.fixture(params=ENDLESS)
def open_endless(request, place):
    open_one, opened = opener(ENDLESS, request.param, place)
    yield open_one
    for source in opened:
        source.close()


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


def test_every_frame_is_an_image_that_a_record_can_carry(open_source):
    for item in drained(open_source(), 4):
        assert decode_image(item.frame.image, 1_000_000, 1_000_000).ndim == 3
        assert item.frame.to_record()[1] == item.frame.image


def test_closing_is_idempotent_and_ends_giving(open_source):
    for asked in (0, 1):
        source = open_source()
        for _ in range(asked):
            source.next_frames(1)
        source.close()
        source.close()
        with pytest.raises(SourceUnavailable):
            source.next_frames(1)


def test_a_source_without_end_stops_waiting_when_its_role_is_told_to_stop(open_endless):
    stopping = threading.Event()
    source = open_endless(stopping)
    given = []
    while len(given) < FRAMES:
        given += source.next_frames(4)
    timer = threading.Timer(0.05, stopping.set)
    timer.start()
    while source.next_frames(4):
        pass
    assert stopping.is_set()
    timer.join()


def test_a_source_that_was_told_to_stop_before_gives_nothing_or_what_it_has(open_endless):
    stopping = threading.Event()
    stopping.set()
    assert len(open_endless(stopping).next_frames(4)) <= 4
