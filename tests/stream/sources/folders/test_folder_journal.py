import os
from contextlib import closing

import pytest

from stream.process.errors import SourceUnavailable
from stream.sources.folders.folder_journal import FileState, FolderJournal


def states(*names):
    return [FileState(name, 1000, 10) for name in names]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "feeds" / "desk.jsonl"


def test_numbers_go_on_after_a_restart_and_the_stream_keeps_its_name(file):
    with closing(FolderJournal(file, "desk-monday")) as journal:
        assert journal.number(states("a", "b")) == [0, 1]
        journal.deliver(1)
    with closing(FolderJournal(file, "desk-tuesday")) as journal:
        assert journal.stream == "desk-monday"
        assert journal.pending() == [(1, *states("b"))]
        assert journal.number(states("c")) == [2]


def test_all_numbers_are_on_disk_before_they_are_told(file):
    with closing(FolderJournal(file, "desk")) as journal:
        journal.number(states("a"))
        assert b'"a"' in file.read_bytes()


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_torn_end_is_dropped_and_what_came_before_holds(file, cut):
    with closing(FolderJournal(file, "desk")) as journal:
        journal.number(states("a"))
        journal.number(states("b"))
    file.write_bytes(file.read_bytes()[:-cut])
    with closing(FolderJournal(file, "desk")) as journal:
        assert [state.path for _, state in journal.pending()] == ["a"]
        assert journal.number(states("c")) == [1]


def test_a_journal_that_cannot_be_read_names_the_remedy(file):
    file.parent.mkdir()
    for content in (b"no json\n", b'{"format":"r2r.folder-journal/2.0"}\n', b"\n", b"[]\n"):
        file.write_bytes(content)
        with pytest.raises(SourceUnavailable, match="remove it"):
            FolderJournal(file, "desk")


def test_one_feed_holds_it_at_a_time_and_another_is_told_by_which_process(file):
    told = rf"another feed of 'desk' is running \(process {os.getpid()}\); stop it"
    with closing(FolderJournal(file, "desk")) as journal, pytest.raises(SourceUnavailable, match=told):
        FolderJournal(file, "desk")
    journal.close()
    with closing(FolderJournal(file, "desk")):
        pass


def test_the_file_stays_in_proportion_to_the_folder(file):
    with closing(FolderJournal(file, "desk")) as journal:
        for turn in range(150):
            journal.number(batch := states(*(f"{turn}-{n}" for n in range(100))))
            journal.deliver(100 * turn + 100)
            journal.forget(batch)
        assert len(file.read_bytes().splitlines()) < 12_000
        assert journal.knows(batch[0])
        assert journal.number(states("next")) == [15_000]
    with closing(FolderJournal(file, "desk")) as journal:
        assert [number for number, _ in journal.pending()] == [15_000]


def test_what_is_not_delivered_is_never_forgotten(file):
    with closing(FolderJournal(file, "desk")) as journal:
        journal.number(states("a", "b"))
        journal.deliver(1)
        journal.number(more := states(*map(str, range(11_000))))
        journal.forget([])
        journal.forget([])
        assert len(journal.pending()) == 1 + len(more)
        assert not journal.knows(*states("a"))


def test_names_of_any_bytes_are_kept(file):
    with closing(FolderJournal(file, "desk")) as journal:
        journal.number(states("caf\udce9\n.png"))
    with closing(FolderJournal(file, "desk")) as journal:
        assert journal.pending() == [(0, *states("caf\udce9\n.png"))]
