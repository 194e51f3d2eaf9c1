import pytest
from pydantic import Field, SecretStr, ValidationError, field_validator

from stream.process.errors import InvalidSetting
from stream.process.settings import Settings, StreamSettings, load_settings


def load(file=None, environment=None, overrides=()):
    return load_settings("stream", StreamSettings, file, environment or {}, overrides)


def refusal(**places):
    with pytest.raises(InvalidSetting) as caught:
        load(**places)
    return str(caught.value)


@pytest.fixture
def toml(tmp_path):
    def write(text):
        file = tmp_path / "r2r.toml"
        file.write_text(text)
        return file

    return write


def test_defaults_stand_where_nothing_is_said():
    assert load() == StreamSettings()


def test_the_file_is_overruled_by_the_environment_and_that_by_the_command_line(toml):
    file = toml("[stream]\nframe_partitions = 2\nmax_image_bytes = 10\ntopic_prefix = 'a'\n[learner]\nx = 1\n")
    environment = {"R2R_STREAM__FRAME_PARTITIONS": "4", "R2R_STREAM__MAX_IMAGE_BYTES": "20", "PATH": "/bin"}
    settings = load(file, environment, ["stream.frame_partitions=5"])
    assert (settings.frame_partitions, settings.max_image_bytes, settings.topic_prefix) == (5, 20, "a")


def test_settings_of_other_sections_are_left_to_their_roles():
    assert load(environment={"R2R_LEARNER__WIDTHS": "8"}, overrides=["deploy.port=1"]) == StreamSettings()


def test_settings_are_frozen():
    with pytest.raises(ValidationError):
        load().frame_partitions = 9


@pytest.mark.parametrize(
    "places",
    [
        {"overrides": ["stream.frame_partition=5"]},
        {"environment": {"R2R_STREAM__FRAME_PARTITION": "5"}},
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(places):
    assert "did you mean 'frame_partitions'" in refusal(**places)


def test_an_unknown_key_in_the_file_is_an_error_too(toml):
    assert "did you mean 'frame_partitions'" in refusal(file=toml("[stream]\nframe_partition = 5\n"))


def test_an_unknown_section_is_an_error_wherever_it_stands(toml):
    assert "'stream'" in refusal(overrides=["straem.frame_partitions=5"])
    assert "'stream'" in refusal(environment={"R2R_STRAEM__FRAME_PARTITIONS": "5"})
    assert "'stream'" in refusal(file=toml("[straem]\n"))


@pytest.mark.parametrize("name", ["foo", "zzz", "model"])
def test_where_no_section_is_near_all_are_told(name):
    told = refusal(overrides=[f"{name}.epochs=3"])
    assert told == f"{name!r} is not a section; there are stream, learner, replay, deploy"


def test_where_no_key_is_near_it_is_told_where_all_stand():
    told = refusal(overrides=["stream.zzz=3"])
    assert "'zzz' is not a setting of [stream]; `r2r init` writes" in told
    assert "did you mean" not in told


def test_a_value_of_the_wrong_kind_is_named_with_its_key():
    assert "stream.frame_partitions = 'many'" in refusal(overrides=["stream.frame_partitions=many"])


@pytest.mark.parametrize("text", ["frame_partitions=5", "stream.frame_partitions", "R2R"])
def test_an_override_of_another_form_shows_the_form(text):
    assert "section.key=value" in refusal(overrides=[text])


def test_a_file_that_is_not_there_or_no_toml_names_the_flag(toml, tmp_path):
    assert "--settings" in refusal(file=tmp_path / "none.toml")
    assert "--settings" in refusal(file=toml("[stream\n"))


def test_the_home_and_the_test_switch_are_no_settings():
    assert load(environment={"R2R_HOME": "somewhere", "R2R_TEST_FAULTS": "x"}) == StreamSettings()


@pytest.mark.parametrize(
    "address", ["", "localhost", "localhost:abc", "localhost:", ":9092", "a:1,b", "a:0", "a:99999999"]
)
def test_an_address_without_a_port_is_refused(address):
    told = refusal(overrides=[f"stream.bootstrap_servers={address}"])
    assert "expected host:port, or several with commas between them; change it" in told


class Paper(Settings):
    """A table of settings."""

    births: int = Field(2, ge=1)
    epochs: int = 8
    key: SecretStr = SecretStr("")


class WithTable(Settings):
    """A section with a table."""

    seed: int = 0
    paper: Paper = Paper()


def load_table(file=None, environment=None, overrides=()):
    return load_settings("learner", WithTable, file, environment or {}, overrides)


def table_refusal(**places):
    with pytest.raises(InvalidSetting) as caught:
        load_table(**places)
    return str(caught.value)


def test_a_table_takes_each_key_from_the_highest_place_that_has_it(toml):
    file = toml("[learner]\nseed = 1\n[learner.paper]\nbirths = 3\nepochs = 3\n")
    environment = {"R2R_LEARNER__PAPER__EPOCHS": "4"}
    assert load_table() == WithTable()
    assert load_table(file).paper == Paper(births=3, epochs=3)
    assert load_table(file, environment).paper == Paper(births=3, epochs=4)
    settings = load_table(file, environment, ["learner.paper.births=5", "learner.seed=2"])
    assert (settings.seed, settings.paper) == (2, Paper(births=5, epochs=4))


@pytest.mark.parametrize(
    "places",
    [{"overrides": ["learner.paper.birth=5"]}, {"environment": {"R2R_LEARNER__PAPER__BIRTH": "5"}}],
)
def test_an_unknown_key_of_a_table_names_table_and_nearest_key(places):
    assert table_refusal(**places) == "'birth' is not a setting of [learner.paper]; did you mean 'births'?"


def test_an_unknown_key_or_table_in_the_file_names_the_nearest_one(toml):
    assert "not a setting of [learner.paper]; did you mean 'births'" in table_refusal(
        file=toml("[learner.paper]\nbirth = 5\n")
    )
    assert "'papers' is not a setting of [learner]; did you mean 'paper'" in table_refusal(
        file=toml("[learner.papers]\nbirths = 5\n")
    )


def test_a_value_of_a_table_that_is_not_allowed_is_named_with_its_whole_key():
    assert "learner.paper.births = '0' is not allowed" in table_refusal(overrides=["learner.paper.births=0"])


def test_a_table_is_no_setting_and_a_setting_no_table():
    assert "[learner.paper] is a table; name a key of it" in table_refusal(overrides=["learner.paper=3"])
    told = table_refusal(overrides=["learner.seed.deep=3"])
    assert told == "learner.seed is a setting, but a table came: [learner.seed]; write learner.seed = VALUE"
    assert "a table" in table_refusal(overrides=["learner.paper=3", "learner.seed.deep=3"])


def test_a_setting_of_a_table_below_is_named_in_full():
    told = table_refusal(overrides=["learner.epochs=4"])
    assert told == "'epochs' is not a setting of [learner]; did you mean 'paper.epochs'?"


class Checked(Settings):
    """A section that checks one key of its table against one of its own."""

    most: int = 5
    paper: Paper = Field(Paper(), validate_default=True)

    @field_validator("paper")
    @classmethod
    def _not_beyond_most(cls, paper, info):
        if paper.births > info.data["most"]:
            message = f"births = {paper.births}: at most {info.data['most']} fit"
            raise ValueError(message)
        return paper


@pytest.mark.parametrize("override", ["learner.paper.births=6", "learner.most=1"])
def test_keys_that_do_not_fit_together_are_told_by_their_check(override):
    told = r"\[learner.paper\] is not allowed: .*births = \d: at most \d fit; change it"
    with pytest.raises(InvalidSetting, match=told):
        load_settings("learner", Checked, None, {}, [override])


def test_a_secret_of_a_table_is_not_shown(toml):
    told = table_refusal(file=toml("[learner.paper]\nkey = 12345\n"))
    assert "learner.paper.key = what came is not allowed" in told
    assert "12345" not in told
