"""Damaged JPEG, PNG and WebP files: each is decoded or refused with a reason, and none ends or stops the process."""

import sys
from collections import Counter

import pytest

from benchmarks.recovery.mutated_images import DECODED, MUTATIONS, REASONS, mutated, passes_header, valid_files, worker
from benchmarks.recovery.watched_decoding import Patience, decode_all
from stream.image_codec import decode_image
from stream.process.settings import StreamSettings

FILES = 2000
CAPS = StreamSettings()
DYING = """
import json, os, sys, time
for number in range(*map(int, sys.argv[1:])):
    if number == 3:
        os.kill(os.getpid(), 9)
    while number == 4:
        pass
    if number == 5:
        time.sleep(600)
    print(json.dumps({"number": number, "outcome": "MemoryError" if number == 6 else "corrupt", "passed_header": True}))
    sys.stdout.flush()
"""


def dying_worker(first, stride, end):
    numbers = [first, end, stride]
    return [sys.executable, "-c", DYING, *map(str, numbers)]


def test_damaged_files_are_decoded_or_refused_with_a_reason():
    shares = decode_all(FILES, 2, worker)
    assert [share.killers + share.stoppers for share in shares] == [[], []]
    outcomes = sum((share.outcomes for share in shares), Counter())
    assert outcomes.total() == FILES
    assert outcomes.keys() <= {DECODED, *REASONS}
    assert sum(share.passed_header for share in shares) >= 0.3 * FILES
    assert outcomes.keys() >= {DECODED, "not_an_image", "too_many_pixels", "truncated", "corrupt"}


def test_the_watchdog_counts_the_file_that_kills_those_that_stop_it_and_the_error_that_escapes():
    (share,) = decode_all(8, 1, dying_worker, Patience(processor_seconds=0.3, wall_seconds=1.5))
    assert (share.killers, share.stoppers, share.escaped) == ([3], [4, 5], {"MemoryError": 1})
    assert share.files == 8


@pytest.mark.parametrize("number", range(len(valid_files())))
def test_what_is_damaged_was_a_valid_file(number):
    data = valid_files()[number]
    assert decode_image(data, CAPS.max_image_bytes, CAPS.max_image_pixels).size > 0
    assert passes_header(data, CAPS)


def test_a_file_is_known_by_its_number():
    assert [mutated(number) for number in range(50)] == [mutated(number) for number in range(50)]
    assert len({mutated(number) for number in range(200)}) > 190
    assert len(MUTATIONS) == 9
