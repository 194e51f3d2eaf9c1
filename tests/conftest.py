"""One real Kafka for each worker, started by the first test that asks; every test has topics of its own."""

import itertools
import os
from collections.abc import Iterator

import pytest

from stream.broker.embedded import EmbeddedBroker
from stream.process.ports import free_port
from stream.process.settings import StreamSettings
from tests.wait import PATIENCE_SECONDS

# Two workers on two cores: a second thread of either only waits for the other, and burns its core while it does.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_numbers = itertools.count()


def patient_settings(broker: str, topic_prefix: str, **others: int) -> StreamSettings:
    """Return settings for a Kafka that answers in the end, however busy the machine is."""
    return StreamSettings(
        bootstrap_servers=broker,
        topic_prefix=topic_prefix,
        broker_timeout_seconds=PATIENCE_SECONDS,
        delivery_timeout_seconds=2 * PATIENCE_SECONDS,
        **others,
    )


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a Kafka that runs as long as the suite."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka"), free_port()) as embedded:
        yield embedded.address


@pytest.fixture
def stream_settings(broker: str) -> StreamSettings:
    """Return settings for `broker` with a topic prefix that no other test has, and with patience."""
    return patient_settings(broker, f"test{next(_numbers)}")


@pytest.fixture
def absent_broker() -> StreamSettings:
    """Return settings for an address where nobody listens, with short deadlines."""
    return StreamSettings(
        bootstrap_servers=f"127.0.0.1:{free_port()}", broker_timeout_seconds=0.3, delivery_timeout_seconds=0.3
    )
