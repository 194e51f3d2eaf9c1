"""Apache Kafka's jars: resolved by `jgo`, checked against the committed list, fetched once more where one is wrong.

jgo enforces no checksums and leaves a torn download where it was. ``M2_REPO`` and ``JGO_CACHE_DIR`` move its two
caches; repositories come from its own settings file, so a mirror that is set there is used.
Run ``python -m stream.broker.jars`` to fetch them ahead of the first start.
"""

import hashlib
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from stream.process.errors import BrokerNotStarted

ENDPOINT = "org.apache.kafka:kafka_2.13:4.1.0+org.slf4j:slf4j-simple:1.7.36"
CHECKSUMS_FILE = Path(__file__).with_name("kafka_jars.sha256")
_log = logging.getLogger(__name__)

Fetch = Callable[[bool], Iterable[Path]]
"""Return the jars' files; True asks for a new resolution instead of what is cached."""


def describe_download() -> str:
    """Say what the first start of the embedded Kafka downloads."""
    count = len(read_checksums(CHECKSUMS_FILE))
    return f"Apache Kafka 4.1.0 for the embedded broker: {count} jars, 43 MB, once, kept in Maven's local repository"


def main() -> int:
    """Fetch the jars ahead of the first start, as `make install` does; return the exit code."""
    sys.stdout.write(f"{describe_download()}\n")
    try:
        kafka_jars()
    except BrokerNotStarted as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def read_checksums(file: Path) -> dict[str, str]:
    """Read ``<sha256>  <file name>`` lines into ``{file name: sha256}``."""
    return {name: digest for digest, name in (line.split() for line in file.read_text().splitlines() if line)}


def kafka_jars() -> list[Path]:
    """Return Kafka's jars, downloaded where they are not there yet, each with the committed checksum.

    Raises
    ------
    BrokerNotStarted
        They cannot be fetched, or are not those of the list.
    """
    return checked_jars(read_checksums(CHECKSUMS_FILE), _fetch_with_jgo, _cached_files)


def missing_jars() -> list[str]:
    """Return the jars that are not there, or not with the committed checksum; fetches nothing."""
    expected = read_checksums(CHECKSUMS_FILE)
    return sorted(set(expected) - set(_right(expected, _cached_files(expected))))


def checked_jars(
    expected: Mapping[str, str], fetch: Fetch, cached_files: Callable[[Iterable[str]], Iterable[Path]]
) -> list[Path]:
    """Fetch the expected jars; where one is missing or wrong, delete every wrong copy and fetch once more.

    Parameters
    ----------
    expected
        ``{file name: sha256}``; jars that are not named here are left out.
    fetch
        Brings the jars.
    cached_files
        Finds all files of the given names in the caches, whole or torn.

    Raises
    ------
    BrokerNotStarted
        After the second fetch a jar is still missing or wrong.
    """
    try:
        jars = _right(expected, fetch(False))
    except Exception:  # a torn jar makes jgo fail in many ways: the second fetch tells which it was
        _log.warning("the first fetch of Kafka's jars failed; it is tried again without what is torn", exc_info=True)
        jars = {}
    if len(jars) < len(expected):
        for file in cached_files(set(expected) - set(jars)):
            if _sha256(file) != expected[file.name]:
                _log.warning("%s is torn or was changed; it is fetched again", file)
                file.unlink()
        jars = _right(expected, _fetch_again(fetch))
    missing = sorted(set(expected) - set(jars))
    if missing:
        message = (
            f"{missing[0]} came with another checksum than this release's list states, or did not come; check your "
            "Maven repository settings, or set stream.bootstrap_servers to a Kafka that runs"
        )
        raise BrokerNotStarted(message)
    return [jars[name] for name in sorted(jars)]


def _fetch_again(fetch: Fetch) -> Iterable[Path]:
    try:
        return fetch(True)
    except Exception as error:
        message = (
            f"Kafka's jars cannot be fetched ({type(error).__name__}: {error}); connect to a Maven repository once, "
            "or set stream.bootstrap_servers to a Kafka that runs"
        )
        raise BrokerNotStarted(message) from error


def _right(expected: Mapping[str, str], files: Iterable[Path]) -> dict[str, Path]:
    return {file.name: file for file in files if file.name in expected and _sha256(file) == expected[file.name]}


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fetch_with_jgo(again: bool) -> list[Path]:
    import jgo  # noqa: PLC0415  only who starts a broker pays for it
    from jgo.config import GlobalSettings  # noqa: PLC0415

    environment = jgo.build(ENDPOINT, update=again, repositories=GlobalSettings.load().repositories)
    return sorted(environment.path.rglob("*.jar"))


def _cached_files(names: Iterable[str]) -> list[Path]:
    from jgo.config import GlobalSettings  # noqa: PLC0415

    settings = GlobalSettings.load()
    wanted = set(names)
    return [
        file
        for root in (settings.repo_cache, settings.cache_dir)
        for file in Path(root).rglob("*.jar")
        if file.name in wanted
    ]


if __name__ == "__main__":
    sys.exit(main())
