"""The whole path through real processes: frames on Kafka, a learner, a published version, an answer, a verdict."""

import signal
import subprocess
import sys
from pathlib import Path

from deploy.cli.client import Client
from deploy.registry.versions import Registry
from deploy.roles import FEED
from deploy.status.scrape import read_gauge
from stream.image_codec import encode_png
from stream.kafka.consumer import read_topic
from stream.kafka.topics import Topics
from stream.messages.event import Event
from stream.process.ports import free_port
from stream.process.settings import StreamSettings
from stream.sources.datasets.packs import load_pack
from tests.flows.learner_process import write_settings
from tests.learner.small import SETTINGS
from tests.wait import PATIENCE_SECONDS, wait_until


def feed(home: Path, frames: int) -> None:
    flags = ["--limit", str(frames), "--home", str(home), "--settings", str(home / "settings.toml")]
    subprocess.run([sys.executable, "-m", FEED.module, "dataset", *flags], check=True)


def test_a_frame_on_kafka_becomes_a_version_that_answers_and_is_judged(stream_settings, tmp_path):
    write_settings(tmp_path, stream_settings, SETTINGS.model_copy(update={"update_seconds": 1.0}))
    feed(tmp_path, 120)
    port = free_port()
    flags = ["--model", "digits", "--home", str(tmp_path), "--settings", str(tmp_path / "settings.toml")]
    ports = ["--set", f"deploy.port={port}", "--set", f"deploy.first_metrics_port={free_port()}"]
    command = [sys.executable, "-m", "deploy.host.up", *flags, *ports]
    registry = Registry(str(tmp_path / "registry"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
        try:
            wait_until(lambda: registry.latest("digits") or up.poll() is not None, what="a version")
            assert up.poll() is None, up.communicate()
            with Client(f"http://127.0.0.1:{port}") as client:
                image = encode_png(load_pack("digits", None).test_images[0])
                wait_until(lambda: read_gauge(f"http://127.0.0.1:{port}", "r2r_server_active_version"), what="the swap")
                answer = client.ask("digits", image, "image/png")
            assert answer.name.startswith("cluster-")
            assert 0 < answer.probability <= 1
            topics = Topics("digits", stream_settings.topic_prefix)
            wait_until(lambda: "evaluation" in kinds(stream_settings, topics), what="the verdict")
            assert kinds(stream_settings, topics) >= {"birth", "update", "promotion", "evaluation"}
        finally:
            up.send_signal(signal.SIGINT)
            up.communicate(timeout=PATIENCE_SECONDS)
    assert up.returncode == 0


def kinds(streaming: StreamSettings, topics: Topics) -> set[str]:
    return {Event.from_bytes(record.value or b"").kind for record in read_topic(streaming, topics.events)}
