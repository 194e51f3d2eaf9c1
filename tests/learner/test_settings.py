import pytest

from learner.settings import AutoencoderSettings, LearnerSettings
from stream.process.errors import InvalidSetting
from stream.process.settings import load_settings


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("micro_task_frames=0", "greater than or equal to 1"),
        ("recall_ratio=0", "greater than 0"),
        ("autoencoder.input_size=20", "multiple of 8"),
        ("autoencoder.aspect=squeeze", "'stretch' or 'crop'"),
        ("autoencoder.stability=-1", "greater than or equal to 0"),
        ("clusters.novel_rate=1.5", "less than or equal to 1"),
        ("clusters.projection_dimensions=1", "greater than or equal to 2"),
        ("paper.covariance=round", "'full', 'tied', 'diag' or 'spherical'"),
    ],
)
def test_what_could_not_be_learned_with_is_refused_by_its_name(setting, told):
    with pytest.raises(InvalidSetting, match=f"learner.{setting.split('=')[0]} = .*{told}"):
        load_settings("learner", LearnerSettings, None, {}, [f"learner.{setting}"])


@pytest.mark.parametrize("table", ["autoencoder", "paper"])
def test_channels_must_fit_the_group_norm(table, tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text(f"[learner.{table}]\nchannels = [8, 12, 8]")
    with pytest.raises(InvalidSetting, match=rf"learner.{table}.channels = .*multiple of 8"):
        load_settings("learner", LearnerSettings, file, {}, [])


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("learner.clusters.projection_dimensions=513", "projection_dimensions = 513: at most 512 components exist"),
        ("learner.window_frames=40", "projection_dimensions = 48: at most 40 components exist"),
    ],
)
def test_more_components_than_exist_are_refused_also_where_they_are_the_default(override, told):
    with pytest.raises(InvalidSetting, match=rf"\[learner.clusters\] is not allowed: .*{told}"):
        load_settings("learner", LearnerSettings, None, {}, [override])


def test_the_name_of_settings_does_not_depend_on_how_they_were_given():
    file_like = LearnerSettings(autoencoder=AutoencoderSettings(epochs=3), seed=1)
    flags = load_settings("learner", LearnerSettings, None, {}, ["learner.seed=1", "learner.autoencoder.epochs=3"])
    assert file_like.sha256() == flags.sha256() != LearnerSettings(seed=1).sha256()


def test_a_setting_that_is_its_default_changes_no_name():
    named = LearnerSettings(autoencoder=AutoencoderSettings(epochs=8), seed=0)
    assert named.sha256() == LearnerSettings().sha256()
