"""A folder holds what one can survey, and a module is a concept: short ones are listed here, or joined with another."""

from tests.architecture.tree import ROOMS, ROOT, python_files

MOST_MODULES = 12
FEWEST_LINES = 40
NOT_COUNTED = {"__init__.py", "__main__.py", "conftest.py"}
# Short, and concepts all the same.
CONCEPTS = {
    "benchmarks/bare/ingest.py",
    "benchmarks/bare/text_to_image.py",
    "benchmarks/learning/paper_row.py",
    "benchmarks/learning/representation.py",
    "benchmarks/replay/noise_requests.py",
    "deploy/cli/console.py",
    "deploy/cli/errors.py",
    "deploy/host/errors.py",
    "deploy/registry/errors.py",
    "deploy/registry/triton_config.py",
    "deploy/status/disk_usage.py",
    "learner/faults.py",
    "learner/memory/last_seen.py",
    "learner/model/clusters/rehearsal.py",
    "learner/process.py",
    "learner/seeds.py",
    "replay/generate/generator.py",
    "replay/subject.py",
    "stream/broker/dies_with_parent.py",
    "stream/feed/pace.py",
    "stream/messages/checkpoint_ready.py",
    "stream/messages/command.py",
    "stream/messages/event.py",
    "stream/messages/ids.py",
    "stream/messages/model_version.py",
    "stream/messages/truth.py",
    "stream/process/clock.py",
    "stream/process/deadline.py",
    "stream/process/model_name.py",
    "stream/process/ports.py",
    "stream/sources/cameras/thinning.py",
}


def modules():
    return [path for path in python_files(*ROOMS, "tests") if path.name not in NOT_COUNTED]


def test_no_folder_holds_more_than_a_dozen_modules():
    counts = {}
    for path in modules():
        folder = str(path.parent.relative_to(ROOT))
        counts[folder] = counts.get(folder, 0) + 1
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_a_short_module_is_listed_as_a_concept():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()}
    short = {path for path, lines in lengths.items() if lines < FEWEST_LINES and path.split("/")[0] in ROOMS}
    assert short == CONCEPTS
