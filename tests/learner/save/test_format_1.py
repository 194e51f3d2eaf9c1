"""What version 1 held of detectors and settings, as this release takes it."""

import pytest

from learner.save.checkpoint import load_checkpoint
from stream.process.errors import InvalidSetting
from tests.learner.save.stored import OLD, document_of, rewritten

GONE = {  # settings that this release does not have
    "births",
    "fewest_births",
    "birth_tolerance",
    "regroup_gain",
    "recall_temperature",
    "generated_alone",
    "learning_rate_decay",
    "excess_limit",
    "drift_min_frames",
    "drift_adwin_delta",
    "drift_kswin_alpha",
    "paper_covariance_floor",
    "paper_decoder_carried",
    "paper_density_dimensions",
    "paper_density_samples",
    "paper_mixture_start",
}


@pytest.mark.parametrize("stored", OLD)
def test_a_detector_of_version_1_begins_anew(stored):
    state = load_checkpoint(stored)
    assert document_of(stored)["detectors"]["page_hinkley"]
    assert state.detector.save() == state.detector.renewed().save()
    assert state.detector.name == "page_hinkley"


@pytest.mark.parametrize("kind", ["adwin", "kswin"])
def test_what_other_detectors_of_version_1_saw_is_seen_again(tmp_path, kind):
    document = document_of(OLD[-1])
    document["settings"]["drift_detector"] = kind
    state = load_checkpoint(rewritten(tmp_path / "c", OLD[-1], document | {"detectors": {kind: {"shown": [0.5, 1.5]}}}))
    assert state.detector.save().values == {"name": kind, "seen": [0.5, 1.5]}


@pytest.mark.parametrize("gone", ["never", "always"])
def test_a_detector_of_version_1_that_is_gone_makes_room_for_the_default(tmp_path, gone):
    document = document_of(OLD[-1])
    document["settings"]["drift_detector"] = gone
    state = load_checkpoint(rewritten(tmp_path / "c", OLD[-1], document | {"detectors": {gone: {}}}))
    assert state.detector.name == "page_hinkley"


def test_a_setting_that_is_no_longer_allowed_is_told_with_its_remedy(tmp_path):
    document = document_of(OLD[-1])
    document["settings"]["overload"] = "panic"
    with pytest.raises(InvalidSetting, match=r"a value of learner\.overload that this release does not allow"):
        load_checkpoint(rewritten(tmp_path / "c", OLD[-1], document))


@pytest.mark.parametrize("stored", OLD)
def test_every_setting_of_version_1_stands_in_its_table_or_is_gone(stored):
    now = load_checkpoint(stored).settings.model_dump(mode="json")
    tables = (now, now["autoencoder"], now["clusters"])
    for name, value in document_of(stored)["settings"].items():
        own = "channels" if name == "encoder_channels" else name.removeprefix("paper_")
        where = (now["paper"],) if name.startswith("paper_") else tables
        found = [table[own] for table in where if own in table]
        assert found == ([] if name in GONE else [value])
