import threading
from contextlib import closing

import pytest

from stream.image_codec import decode_image
from stream.process.errors import InvalidSetting, SourceUnavailable
from stream.process.ports import free_port
from stream.process.settings import StreamSettings
from stream.sources.cameras.camera import CameraSource
from stream.sources.cameras.camera_reader import CameraOptions, Clocks
from stream.sources.cameras.video import Address
from stream.sources.cameras.view import View, crop_of
from tests.stream.sources.videos import FileServer, HttpCamera, shown, write_video
from tests.wait import wait_until

SETTINGS = StreamSettings()
NOW_MS = 1_795_000_000_000
VALUES = list(range(0, 200, 20))
PICTURE_BYTES = 48 * 32 * 3
FAST = {"timeout_seconds": 5.0, "first_wait_seconds": 0.01}


@pytest.fixture
def opened():
    sources = []

    def open_source(address, stopping=None, settings=SETTINGS, **options):
        stopping = stopping or threading.Event()
        clocks = Clocks(now_ms=lambda: NOW_MS)
        made = CameraSource(Address(str(address)), "door", CameraOptions(**options), settings, stopping, clocks)
        sources.append(made)
        return made

    yield open_source
    for source in sources:
        source.close()


@pytest.fixture
def camera():
    cameras = []

    def start(*scripts):
        cameras.append(HttpCamera(*scripts))
        return cameras[-1]

    yield start
    for each in cameras:
        each.close()


@pytest.fixture
def clip(tmp_path):
    return write_video(tmp_path / "clip.mp4", VALUES)


def taken(source, count, limit=4):
    frames = []
    while len(frames) < count and (given := source.next_frames(min(limit, count - len(frames)))):
        frames += given
    return frames


def balance(source):
    source.close()
    account = source.account
    return account.decoded - account.given - account.dropped - account.thinned - account.left


def test_a_recording_gives_every_picture_with_its_own_time(opened, clip):
    source = opened(clip)
    given = taken(source, 99)
    assert shown(given) == VALUES
    assert [item.frame.identity for item in given] == [f"door|{n}" for n in range(10)]
    assert [item.frame.time_ms for item in given] == [NOW_MS + 100 * n for n in range(10)]
    assert {item.frame.content_type for item in given} == {"image/jpeg"}
    assert source.next_frames(1) == []
    assert (source.account.decoded, source.account.given, source.account.dropped) == (10, 10, 0)


def test_a_recording_drops_nothing_however_small_the_queue_and_slow_the_feed(opened, clip):
    source = opened(clip, queue_bytes=1)
    assert shown(taken(source, 99, limit=1)) == VALUES
    assert balance(source) == 0


def test_the_rate_keeps_every_nth_picture_by_the_recordings_time(opened, clip):
    source = opened(clip, frames_per_second=5)
    given = taken(source, 99)
    assert shown(given) == VALUES[::2]
    assert [item.frame.sequence for item in given] == [0, 1, 2, 3, 4]
    assert source.account.thinned == 5
    assert balance(source) == 0


def test_in_real_time_a_recording_shows_the_same_pictures(opened, tmp_path):
    clip = write_video(tmp_path / "clip.mp4", VALUES, rate=100)
    source = opened(clip, realtime=True)
    assert shown(taken(source, 99)) == VALUES


def test_a_looped_recording_goes_on_in_time_and_sequence(opened, clip):
    given = taken(opened(clip, loop=True), 25)
    assert shown(given) == (VALUES * 3)[:25]
    assert [item.frame.time_ms for item in given] == [NOW_MS + 100 * n for n in range(25)]


def test_crop_and_size_are_applied(opened, clip):
    (item,) = taken(opened(clip, view=View(crop_of("20x10+4+2"), (8, 6))), 1)
    assert decode_image(item.frame.image, 10**6, 10**6).shape == (6, 8, 3)


def test_a_crop_beyond_the_picture_is_told(opened, clip):
    source = opened(clip, view=View(crop_of("20x10+40+2")))
    with pytest.raises(InvalidSetting, match="48x32"):
        taken(source, 99)


def test_a_picture_beyond_the_limits_is_made_to_fit(opened, clip):
    settings = StreamSettings(max_image_bytes=640)
    (item,) = taken(opened(clip, settings=settings), 1)
    assert len(item.frame.image) <= 640


def test_a_live_camera_that_breaks_off_is_connected_again_without_a_gap_in_the_sequence(opened, camera):
    door = camera([0, 20, 40], [], [60, 80, 100, None])
    source = opened(door.url, **FAST)
    given = taken(source, 6)
    assert shown(given) == [0, 20, 40, 60, 80, 100]
    assert [item.frame.sequence for item in given] == list(range(6))
    assert door.connections == 3
    door.close()
    assert balance(source) == 0


def test_a_live_camera_is_a_new_stream_at_every_start(opened, camera):
    item, *_ = taken(opened(camera([0, 20, 40, None]).url, **FAST), 3)
    assert item.frame.source == "door/20261118T110640Z"
    assert item.frame.time_ms == NOW_MS


def test_a_live_camera_that_falls_silent_is_connected_again(opened, camera):
    source = opened(camera([0, 20, 40, None], [60, 80, 100, None]).url, timeout_seconds=0.3, first_wait_seconds=0.01)
    assert shown(taken(source, 6)) == [0, 20, 40, 60, 80, 100]


def test_a_live_camera_that_stays_away_is_given_up_with_its_last_word(opened, camera):
    source = opened(camera([0, 20, 40], []).url, give_up_seconds=0.05, **FAST)
    assert shown(taken(source, 3)) == [0, 20, 40]
    with pytest.raises(SourceUnavailable, match="--give-up-after"):
        taken(source, 1)


def test_behind_a_live_camera_the_oldest_pictures_are_dropped_and_counted(opened, camera):
    door = camera([*[0] * 97, 100, 150, 200, None])
    source = opened(door.url, queue_bytes=3 * PICTURE_BYTES, **FAST)
    given = source.next_frames(1)
    wait_until(lambda: source.account.decoded == 100, what="all pictures decoded")
    wait_until(lambda: source.account.dropped == 96, what="all but three dropped")
    given += source.next_frames(99)
    assert shown(given)[1:] == [100, 150, 200]
    assert [item.frame.sequence for item in given] == [0, 1, 2, 3]
    door.close()
    assert balance(source) == 0


def test_a_silent_camera_does_not_keep_a_told_feed_waiting(opened, camera):
    stopping = threading.Event()
    source = opened(camera([0, 20, 40, None]).url, stopping, timeout_seconds=30.0)
    taken(source, 3)
    stopping.set()
    assert source.next_frames(1) == []


def test_what_waits_when_the_source_is_closed_is_left_and_not_dropped(opened, camera):
    door = camera([0, 20, 40, None])
    source = opened(door.url, **FAST)
    taken(source, 1)
    wait_until(lambda: source.account.decoded == 3)
    door.close()
    assert balance(source) == 0
    assert (source.account.dropped, source.account.left) == (0, 2)


def test_a_recording_behind_a_url_is_given_whole(opened, clip):
    with closing(FileServer(clip.parent)) as server:
        source = opened(f"{server.url}/clip.mp4", queue_bytes=1, **FAST)
        given = taken(source, 99)
    assert shown(given) == VALUES
    assert {item.frame.source for item in given} == {"door"}
    assert source.next_frames(1) == []


def test_a_recording_behind_a_url_that_breaks_goes_on_where_it_was(opened, tmp_path):
    values = list(range(0, 250, 5))
    clip = write_video(tmp_path / "clip.mp4", values)
    size = clip.stat().st_size
    with closing(FileServer(tmp_path, cuts=[size // 2, size - 40])) as server:
        source = opened(f"{server.url}/clip.mp4", **FAST)
        given = taken(source, 99)
    assert [item.frame.time_ms for item in given] == [NOW_MS + 100 * n for n in range(50)]
    assert source.account.decoded == 50
    assert balance(source) == 0


@pytest.mark.parametrize("name", ["absent.mp4", ".", "text.mp4", "rtmp://127.0.0.1/x"])
def test_what_is_no_video_is_told_in_one_sentence(opened, tmp_path, name):
    (tmp_path / "text.mp4").write_text("no video " * 100)
    address = name if "://" in name else tmp_path / name
    with pytest.raises(SourceUnavailable, match="check the address"):
        opened(address)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_camera_that_is_not_there_is_told_without_its_password(opened, scheme):
    port = free_port()
    with pytest.raises(SourceUnavailable) as told:
        opened(f"{scheme}://me:secret@127.0.0.1:{port}/stream?token=secret", timeout_seconds=2.0)
    assert f"{scheme}://127.0.0.1:{port}/stream " in str(told.value)
    assert "Connection refused" in str(told.value)
    assert "secret" not in str(told.value)
    assert told.value.__cause__ is None


def test_an_absent_device_is_told(opened):
    with pytest.raises(SourceUnavailable, match="/dev/video99"):
        opened("/dev/video99")
