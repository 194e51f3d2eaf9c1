"""A Kafka of a benchmark's own, the topics of one model on it, and a folder where its roles live."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stream.broker.embedded import EmbeddedBroker
from stream.kafka.admin import create_topics
from stream.kafka.topics import Topics
from stream.process.ports import free_port
from stream.process.settings import StreamSettings


@dataclass(frozen=True)
class Site:
    """Where the roles of one model find each other."""

    streaming: StreamSettings
    topics: Topics
    home: Path

    def command(self, module: str, *flags: str) -> list[str]:
        """Return what ``python -m`` is to run for a role that belongs to no model."""
        settings = (f"stream.{name}={getattr(self.streaming, name)}" for name in ("bootstrap_servers", "topic_prefix"))
        found = [flag for setting in settings for flag in ("--set", setting)]
        return [module, *flags, "--home", str(self.home), *found]

    def model_command(self, module: str, *flags: str) -> list[str]:
        """Return it for a role of the model."""
        return self.command(module, "--model", self.topics.model, *flags)


@contextmanager
def open_site(folder: Path, model: str) -> Iterator[Site]:
    """Start a Kafka and make the topics."""
    with EmbeddedBroker(folder / "kafka", free_port()) as broker:
        streaming = StreamSettings(bootstrap_servers=broker.address)
        site = Site(streaming, Topics(model, streaming.topic_prefix), folder)
        create_topics(streaming, site.topics)
        yield site
