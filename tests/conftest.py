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

# Workers take whole files in this order. What takes longest comes first, so that both are busy to the end.
LONGEST_FIRST = (
    "tests/flows/crashes/",
    "tests/benchmarks/learning/test_figures_do_not_fall.py",
    "tests/flows/",
    "tests/deploy/host/",
    "tests/stream/broker/",
    "tests/benchmarks/",
    "tests/replay/teachers/",
    "tests/replay/generate/",
    "tests/learner/model/clusters/test_update.py",
    "tests/contracts/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; all others stay in their order."""
    items.sort(key=lambda item: next((n for n, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start)), 99))


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
