import threading
from contextlib import closing

import numpy as np
import pytest

from stream.image_codec import decode_image
from stream.process.errors import SourceUnavailable
from stream.process.settings import StreamSettings
from stream.sources.folders.folder import FolderAccount, FolderOptions, FolderSource
from stream.sources.folders.folder_journal import FolderJournal
from tests.stream.sources.files import picture, write_picture

SETTINGS = StreamSettings()


class Visits(threading.Event):
    """Each wait of the watching source is the next step of a story; after the last the role is told to stop."""

    def __init__(self, *steps):
        super().__init__()
        self._steps = list(steps)

    def wait(self, timeout=None):
        assert timeout == 1.0
        if self._steps:
            self._steps.pop(0)()
        else:
            self.set()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "pictures"
    for value, (path, mtime) in enumerate([("b.png", 100), ("a.jpg", 300), ("deep/c.png", 200)]):
        write_picture(folder, path, value * 10, mtime)
    return folder


@pytest.fixture
def opened(folder, tmp_path):
    sources = []

    def open_source(stopping=None, clock=lambda: 0.0, **options):
        journal = FolderJournal(tmp_path / "home" / "feeds" / "pictures.jsonl", "pictures")
        stopping = stopping or threading.Event()
        sources.append(FolderSource(folder, journal, FolderOptions(**options), SETTINGS, stopping, clock))
        return sources[-1]

    yield open_source
    for source in sources:
        source.close()


def drained(source, limit=2):
    frames = []
    while given := source.next_frames(limit):
        frames += given
        source.delivered()
    return frames


def ids(given):
    return [item.frame.id for item in given]


def test_files_come_by_time_with_their_path_time_and_own_bytes(opened, folder):
    given = drained(opened())
    assert ids(given) == ["0:b.png", "1:deep/c.png", "2:a.jpg"]
    assert [item.frame.sequence for item in given] == [0, 1, 2]
    assert [item.frame.time_ms for item in given] == [100_000, 200_000, 300_000]
    assert {item.frame.source for item in given} == {"pictures"}
    assert given[0].frame.image == (folder / "b.png").read_bytes()
    assert all(item.truth is None for item in given)


def test_files_come_by_name_where_that_is_asked_for(opened):
    assert ids(drained(opened(order="name"))) == ["0:a.jpg", "1:b.png", "2:deep/c.png"]


def test_a_second_start_gives_only_what_is_new_and_counts_on(opened, folder):
    with closing(opened()) as source:
        drained(source)
    write_picture(folder, "d.png", 90, mtime=50)
    assert ids(drained(opened())) == ["3:d.png"], "also a file that is older than those which were fed"


def test_what_was_given_and_not_delivered_is_given_again_before_anything_new(opened, folder):
    with closing(opened()) as source:
        source.next_frames(1)
        source.delivered()
        lost = source.next_frames(1)
    write_picture(folder, "d.png", 90, mtime=50)
    source = opened()
    assert source.next_frames(5) == lost
    assert ids(drained(source)) == ["2:d.png", "3:a.jpg"]


def test_a_file_that_changed_before_it_was_delivered_is_a_new_frame(opened, folder):
    with closing(opened()) as source:
        source.next_frames(3)
    write_picture(folder, "b.png", 99, mtime=400)
    given = drained(opened())
    assert ids(given) == ["1:deep/c.png", "2:a.jpg", "3:b.png"]
    np.testing.assert_array_equal(decode_image(given[-1].frame.image, 10**6, 10**6), picture(99))


def test_a_file_that_is_written_anew_is_fed_anew(opened, folder):
    with closing(opened()) as source:
        drained(source)
    write_picture(folder, "b.png", 99, mtime=400)
    assert ids(drained(opened())) == ["3:b.png"]


def test_broken_files_are_left_out_and_looked_at_again_when_they_change(opened, folder):
    (folder / "bad.png").write_bytes(b"no image")
    with closing(opened()) as source:
        assert ids(drained(source)) == ["0:b.png", "1:deep/c.png", "2:a.jpg"]
    write_picture(folder, "bad.png", 5, mtime=500)
    assert ids(drained(opened())) == ["3:bad.png"]


def test_names_that_are_not_utf8_or_very_long_can_be_sent(opened, folder):
    long = "/".join(["x" * 200] * 4)
    write_picture(folder, f"{long}/deep.png", 1, mtime=600)
    write_picture(folder, "caf\udce9.png", 2, mtime=700)
    given = drained(opened())
    for item in given:
        item.frame.to_record()
    assert ids(given)[3].endswith("x/deep.png")
    assert len(ids(given)[3]) < 500
    assert ids(given)[4] == "4:caf\ufffd.png"


def test_a_watched_folder_gives_what_appears_until_it_is_told_to_stop(opened, folder):
    later = Visits(
        lambda: write_picture(folder, "later.png", 50, mtime=10),
        lambda: None,
        lambda: write_picture(folder, "last.png", 60, mtime=20),
    )
    source = opened(stopping=later, poll_seconds=1.0)
    assert ids(drained(source))[3:] == ["3:later.png", "4:last.png"]
    assert source.next_frames(1) == []


def test_a_watched_file_is_given_once_it_is_whole(opened, folder):
    whole = write_picture(folder, "slow.png", 50, mtime=900)
    (folder / "slow.png").write_bytes(whole[:40])
    growing = Visits(lambda: None, lambda: (folder / "slow.png").write_bytes(whole))
    given = drained(opened(stopping=growing, poll_seconds=1.0))
    assert ids(given) == ["0:b.png", "1:deep/c.png", "2:a.jpg", "3:slow.png"]
    assert given[3].frame.image == whole


def test_a_watched_file_that_stays_broken_is_given_up_and_does_not_hold_up_others(opened, folder, caplog):
    (folder / "bad.png").write_bytes(b"no image")
    seconds = iter(range(0, 1000, 6))
    later = Visits(lambda: None, lambda: None, lambda: None, lambda: write_picture(folder, "later.png", 50))
    source = opened(stopping=later, clock=lambda: next(seconds), poll_seconds=1.0)
    assert ids(drained(source))[3:] == ["3:later.png"]
    assert [record.message for record in caplog.records if "bad.png" in record.message] != []
    assert len(caplog.records) == 1


def test_a_watched_file_that_may_still_be_written_is_waiting_and_not_unreadable(opened, folder):
    (folder / "slow.png").write_bytes(b"no image yet")
    source = opened(stopping=Visits(), poll_seconds=1.0)
    drained(source)
    assert source.account == FolderAccount(given=3, known=0, waiting=1, unread=0)


def test_a_frame_whose_file_has_changed_is_accounted_for_as_its_new_file_alone(opened, folder):
    with closing(opened()) as source:
        source.next_frames(3)
    write_picture(folder, "b.png", 99, mtime=400)
    source = opened()
    drained(source)
    assert source.account == FolderAccount(given=3, known=0, waiting=0, unread=0)


def test_a_file_that_goes_away_and_comes_back_unchanged_is_not_fed_again(opened, folder):
    with closing(opened()) as source:
        drained(source)
    data = (folder / "b.png").read_bytes()
    (folder / "b.png").unlink()
    with closing(opened()) as source:
        assert drained(source) == []
    assert write_picture(folder, "b.png", 0, mtime=100) == data
    assert drained(opened()) == []


def test_a_folder_that_is_not_there_is_told(tmp_path):
    journal = FolderJournal(tmp_path / "journal.jsonl", "x")
    source = FolderSource(tmp_path / "absent", journal, FolderOptions(), SETTINGS, threading.Event())
    with closing(source), pytest.raises(SourceUnavailable, match="absent"):
        source.next_frames(1)


def test_one_feed_at_a_time_holds_the_journal(opened):
    opened()
    with pytest.raises(SourceUnavailable, match="--source-name"):
        opened()
