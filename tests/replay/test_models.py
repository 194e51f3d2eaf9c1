"""A worker's settings: what belongs together, and what stays unloaded."""

import subprocess
import sys

import pytest

from replay.errors import VocabularyRefused, WeightsMissing
from replay.judge.judge import AcceptingJudge
from replay.models import check_settings, load_models
from replay.settings import ReplaySettings
from stream.process.errors import InvalidSetting


def opened(tmp_path, **changed):
    return load_models(ReplaySettings(**changed), "m", tmp_path)


def test_by_default_nothing_pretrained_is_needed(tmp_path):
    models = opened(tmp_path)
    assert (models.named.name, models.unnamed.name, models.images_of_a_name) == ("resynthesis", "resynthesis", 0)
    assert models.judge_of is AcceptingJudge


@pytest.mark.parametrize(
    ("changed", "error", "remedy"),
    [
        ({"labeller": "/nowhere"}, InvalidSetting, "replay.words_file"),
        ({"generator": "text_to_image"}, InvalidSetting, "replay.pipeline"),
        ({"generator": "text_to_image", "pipeline": "/nowhere"}, WeightsMissing, "r2r teachers train"),
        ({"words_file": "/nowhere/words.txt", "labeller": "digits"}, VocabularyRefused, "name a text file"),
    ],
)
def test_missing_settings_are_an_error_with_its_remedy(tmp_path, changed, error, remedy):
    with pytest.raises(error, match=remedy):
        opened(tmp_path, **changed)
    if error is not WeightsMissing:  # which has a check of its own
        with pytest.raises(error, match=remedy):
            check_settings(ReplaySettings(**changed))


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"generator": "text_to_image", "pipeline": "digits", "precision": "float16", "device": "cpu"}, "use 'auto'"),
        ({"chat_url": "foo"}, "correct it"),
        ({"chat_url": "http://localhost/v1", "chat_key": "a b"}, "copy it again"),
    ],
)
def test_settings_that_cannot_work_are_an_error_before_a_model_is_loaded(changed, remedy):
    with pytest.raises(InvalidSetting, match=remedy):
        check_settings(ReplaySettings(**changed))


def test_settings_that_work_together_pass():
    check_settings(ReplaySettings())
    check_settings(ReplaySettings(labeller="digits", words_file="digits", generator="text_to_image", pipeline="digits"))


def test_words_and_a_labeller_that_is_not_there(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("cat\ndog\n")
    with pytest.raises(WeightsMissing, match="holds no open_clip model"):
        opened(tmp_path, words_file=str(words), labeller="/nowhere")


def test_a_worker_without_pretrained_models_loads_no_heavy_library():
    program = "import sys, replay.worker; print(sorted({'torch', 'open_clip', 'diffusers', 'openai'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_key_of_an_endpoint_is_not_displayed():
    settings = ReplaySettings(chat_key="sk-secret")
    assert "secret" not in repr(settings)
    assert "secret" not in settings.model_dump_json()
