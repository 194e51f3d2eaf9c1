from contextlib import closing

import av
import pytest

from stream.process.errors import SourceUnavailable
from stream.sources.cameras.video import Address, Video
from tests.stream.sources.videos import FileServer, HttpCamera, write_video


def seconds_of(address, **options):
    with closing(Video(Address(str(address)), options, timeout_seconds=5.0)) as video:
        return [picture.seconds for picture in video.pictures()]


@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".mkv"])
def test_pictures_come_with_their_own_time_from_any_container(tmp_path, suffix):
    clip = write_video(tmp_path / f"clip{suffix}", range(0, 200, 20))
    assert seconds_of(clip) == pytest.approx([n / 10 for n in range(10)], abs=0.001)


def test_a_picture_has_the_size_and_colours_of_the_video(tmp_path):
    clip = write_video(tmp_path / "clip.mp4", [40, 200], size=(64, 32))
    with closing(Video(Address(str(clip)), {}, 5.0)) as video:
        shown = [picture.pixels() for picture in video.pictures()]
    assert [picture.shape for picture in shown] == [(32, 64, 3)] * 2
    assert [round(float(picture.mean()), -1) for picture in shown] == [40, 200]


def test_damaged_packets_are_passed_over(tmp_path):
    clip = write_video(tmp_path / "clip.ts", range(0, 200, 5))
    whole = seconds_of(clip)
    data = bytearray(clip.read_bytes())
    for place in range(len(data) // 3, len(data) // 2):
        if place % 188 > 20:  # the packets' heads stay
            data[place] ^= 0x5A
    clip.write_bytes(data)
    damaged = seconds_of(clip)
    assert len(whole) // 2 < len(damaged) <= len(whole)
    assert damaged[-1] == whole[-1]


def test_a_file_ends_and_so_does_one_behind_a_url_but_a_live_camera_does_not(tmp_path):
    clip = write_video(tmp_path / "clip.mp4", [0, 100])
    with closing(FileServer(tmp_path)) as server, closing(HttpCamera([0, 100, 200, None])) as camera:
        for address, ends in ((str(clip), True), (f"{server.url}/clip.mp4", True), (camera.url, False)):
            with closing(Video(Address(address), {}, 5.0)) as video:
                assert video.ends is ends


def test_a_name_with_a_colon_is_a_file(tmp_path):
    clip = write_video(tmp_path / "12:30.mp4", [0, 100])
    assert len(seconds_of(clip)) == 2


def test_sound_alone_is_no_camera(tmp_path):
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame(format="s16", layout="mono", samples=800)
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(SourceUnavailable, match="no video stream"):
        Video(Address(str(tmp_path / "sound.wav")), {}, 5.0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0", "device"),
        ("12", "device"),
        ("/dev/video0", "device"),
        ("rtsp://x/y", "url"),
        ("HTTPS://x/y", "url"),
        ("clip.mp4", "file"),
        ("/dev/video0.mp4", "file"),
        ("rtmp://x/y", "file"),
        ("http:x", "file"),
    ],
)
def test_an_address_is_a_device_a_url_or_a_file(text, kind):
    address = Address(text)
    found = {"device": address.is_device, "url": address.is_url, "file": address.is_file}
    assert [name for name, is_it in found.items() if is_it] == [kind]


def test_what_may_be_secret_in_an_address_is_not_shown():
    address = Address("rtsp://me:p@ss@10.0.0.7:554/live?password=x")
    assert str(address) == "rtsp://10.0.0.7:554/live"
    assert address.stem == "10.0.0.7-554-live"
