"""Read a role's ``/metrics``, as Prometheus would."""

from dataclasses import dataclass

import httpx
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class MetricsPage:
    """What a role counted until a moment."""

    families: tuple[Metric, ...]

    def total(self, name: str) -> float | None:
        """Return a metric's value summed over its labels; None where the page has none yet.

        Parameters
        ----------
        name
            As it stands on the page, a counter's with ``_total``.
        """
        values = [sample.value for family in self.families for sample in family.samples if sample.name == name]
        return sum(values) if values else None


def read_page(address: str) -> MetricsPage | None:
    """Return the ``/metrics`` of ``http://host:port``; None where nobody answers."""
    try:
        page = httpx.get(f"{address}/metrics", timeout=_TIMEOUT_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return None
    return MetricsPage(tuple(text_string_to_metric_families(page.text)))


def read_gauge(address: str, name: str) -> float | None:
    """Return `MetricsPage.total` of a role's page; None also where the role does not answer."""
    page = read_page(address)
    return None if page is None else page.total(name)


def answers(address: str) -> bool:
    """Say whether a role at ``http://host:port`` answers."""
    return read_page(address) is not None
