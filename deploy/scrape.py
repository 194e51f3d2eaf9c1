"""Read a role's ``/metrics``, as Prometheus would."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_SECONDS = 2.0


def read_gauge(address: str, name: str) -> float | None:
    """Return a metric's value summed over its labels; None where the role does not answer or has no such metric yet.

    Parameters
    ----------
    address
        ``http://host:port``.
    name
        As it stands on the page, a counter's with ``_total``.
    """
    try:
        page = httpx.get(f"{address}/metrics", timeout=_TIMEOUT_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return None
    families = text_string_to_metric_families(page.text)
    values = [sample.value for family in families for sample in family.samples if sample.name == name]
    return sum(values) if values else None
