"""What is costly to make and shared by the tests of this room."""

from pathlib import Path

import pytest

from deploy.publish.graph_template import GraphTemplate
from deploy.publish.served_graph import export_template, served_graph
from deploy.publish.template_cache import TemplateCache
from tests.deploy.small_state import small_state


@pytest.fixture(scope="session")
def template() -> GraphTemplate:
    """Return the template of `small_state`'s structure: the one whole export of the suite."""
    return export_template(served_graph(small_state(seed=0)))


@pytest.fixture
def templates(template: GraphTemplate, tmp_path: Path) -> TemplateCache:
    """Return a cache that has the template already."""
    cache = TemplateCache(tmp_path / "templates")
    cache.renew(served_graph(small_state(seed=0)).structure, lambda: template)
    return cache
