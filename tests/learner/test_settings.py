import pytest

from learner.settings import LearnerSettings
from stream.process.errors import InvalidSetting
from stream.process.settings import load_settings


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("input_size=20", "multiple of 8"),
        ("micro_task_frames=0", "greater than or equal to 1"),
        ("aspect=squeeze", "'stretch' or 'crop'"),
        ("projection_dimensions=513", "at most 512 components"),
        ("stability=-1", "greater than or equal to 0"),
        ("birth_tolerance=1.5", "less than or equal to 1"),
        ("regroup_gain=0.9", "greater than or equal to 1"),
        ("recall_ratio=0", "greater than 0"),
    ],
)
def test_what_could_not_be_learned_with_is_refused_by_its_name(setting, told):
    with pytest.raises(InvalidSetting, match=f"learner.{setting.split('=')[0]} = .*{told}"):
        load_settings("learner", LearnerSettings, None, {}, [f"learner.{setting}"])


def test_channels_must_fit_the_group_norm(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text("[learner]\nencoder_channels = [8, 12, 8]")
    with pytest.raises(InvalidSetting, match="multiple of 8"):
        load_settings("learner", LearnerSettings, file, {}, [])


def test_a_default_that_no_longer_fits_is_refused_too():
    with pytest.raises(InvalidSetting, match="projection_dimensions"):
        load_settings("learner", LearnerSettings, None, {}, ["learner.window_frames=40"])


def test_the_name_of_settings_does_not_depend_on_how_they_were_given():
    file_like = LearnerSettings(epochs=3, seed=1)
    flags = load_settings("learner", LearnerSettings, None, {}, ["learner.seed=1", "learner.epochs=3"])
    assert file_like.sha256() == flags.sha256() != LearnerSettings().sha256()
