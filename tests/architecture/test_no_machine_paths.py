import itertools
import re

import pytest

from tests.architecture.tree import ROOT, written_files

FOLDERS = ("work", "root", "farm", "tmp", "home")
HOSTS = (r"pypi\.", "pythonhosted", r"download\.pytorch", "maven2", r"repo1?\.maven", "--index-url", "--find-links")
# A path from the root of a machine; "x/tmp/y" and "</root>" are none.
MACHINE = re.compile(rf"(?<![\w.\-}})~<])/({'|'.join(FOLDERS)})/|" + "|".join(HOSTS))
THIS = "tests/architecture/test_no_machine_paths.py"


def test_no_file_names_a_machines_path_or_a_package_registry():
    found = {}
    for path, text in written_files():
        hits = sorted({match.group(0) for match in MACHINE.finditer(text)})
        if hits and str(path.relative_to(ROOT)) != THIS:
            found[str(path.relative_to(ROOT))] = hits
    assert found == {}


def test_the_lock_names_every_package_with_its_hashes_and_no_index():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pinned = [line for line in lines if re.match(r"[a-z0-9]", line)]
    assert len(pinned) > 50
    for line, following in itertools.pairwise(lines):
        if line in pinned:
            assert re.match(r"[\w.\-]+==[\w.]+ ", line), line
            assert following.strip().startswith("--hash=sha256:"), line
    assert not [line for line in lines if "://" in line]


@pytest.mark.parametrize("text", ["cd /work/x", "open('/tmp/x')", "https://pypi.org/simple", "--index-url"])
def test_the_check_sees_what_it_forbids(text):
    assert MACHINE.search(text)
