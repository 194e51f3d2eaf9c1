import re

from tests.architecture.tree import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(text):
    """Return the anchors of a document's headings, as GitHub forms them."""
    headings = re.findall(r"^#+ +(.+?) *$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(document):
    for target in LINK.findall(re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = document.parent / name if name else document
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            yield target


def test_every_relative_link_resolves():
    found = {str(document.relative_to(ROOT)): list(broken_links(document)) for document in DOCUMENTS}
    assert {document: links for document, links in found.items() if links} == {}


def test_a_broken_link_is_seen(tmp_path):
    document = tmp_path / "a.md"
    document.write_text("# One heading\n[x](a.md#one-heading) [y](b.md) [z](#other) [w](https://example.com/no)")
    assert list(broken_links(document)) == ["b.md", "#other"]


def test_the_documents_that_readers_expect_are_there():
    names = {str(path.relative_to(ROOT)) for path in DOCUMENTS}
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/formats.md"} <= names
