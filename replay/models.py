"""The models that a worker loads by its settings; a heavy library is imported only where a setting asks for it."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from replay import metrics
from replay.generate.cached_generator import CachedGenerator, SampleCache
from replay.generate.generation import Models
from replay.generate.generator import Generator
from replay.generate.resynthesis import Resynthesis
from replay.judge.judge import AcceptingJudge, Judge, LabellerJudge
from replay.judge.sample_filter import FilterRules
from replay.settings import ReplaySettings
from replay.subject import Subject
from replay.weights import shipped
from replay.words.vocabulary import TEMPLATE_PROMPTS, Vocabulary, read_vocabulary
from stream.process.errors import InvalidSetting

if TYPE_CHECKING:
    from replay.words.chat_endpoint import ChatEndpoint


_NO_WORDS = "replay.labeller needs words to choose from; name a file in replay.words_file or set replay.chat_url"
_NO_PIPELINE = "replay.generator is text_to_image and replay.pipeline names none; set a folder or a hub id there"


def load_models(
    settings: ReplaySettings, model: str, folder: Path, stopped: Callable[[], bool] = lambda: False
) -> Models:
    """Return a worker's models.

    Parameters
    ----------
    model
        Whose worker it is, for metrics.
    folder
        Where suggested vocabularies are kept.
    stopped
        Polled while a chat endpoint is waited for; true ends the wait.

    Raises
    ------
    InvalidSetting
        Settings that belong together are not all there.
    VocabularyRefused, EndpointUnavailable, StorageFull
        As `replay.words.vocabulary_source.VocabularySource.vocabulary`.
    WeightsMissing, WeightsCorrupt, DeviceMissing, DeviceMemoryFull
        As `replay.label.labeller.open_labeller` and `replay.generate.text_to_image.open_text_to_image`.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the libraries are imported: nothing is fetched at run time
    needs_words = bool(settings.labeller) or settings.generator == "text_to_image"
    if needs_words:
        from replay.devices import use_threads  # noqa: PLC0415  torch takes seconds to import

        use_threads(settings.threads)
    words = _vocabulary(settings, model, folder, stopped) if needs_words else None
    resynthesis = Resynthesis(settings.strength)
    named: Generator = resynthesis if settings.generator == "resynthesis" else _text_to_image(settings, words, model)
    judge_of = _judge_of(settings, words)
    if named is resynthesis:
        return Models(resynthesis, resynthesis, judge_of, settings.batch_images)
    # between two batches a request can expire, and a large model takes seconds for an image
    return Models(named, resynthesis, judge_of, settings.pipeline_images, settings.images_of_a_name)


def check_settings(settings: ReplaySettings) -> None:
    """Raise what `load_models` would for settings that do not belong together; loads no model and asks no endpoint.

    Raises
    ------
    InvalidSetting, VocabularyRefused
        As `load_models`.
    """
    if settings.labeller and not (settings.words_file or settings.chat_url):
        raise InvalidSetting(_NO_WORDS)
    if settings.generator == "text_to_image" and not settings.pipeline:
        raise InvalidSetting(_NO_PIPELINE)
    if settings.generator == "text_to_image":
        from replay.devices import device_named  # noqa: PLC0415  torch takes seconds to import
        from replay.generate.diffusion_pipeline import dtype_of  # noqa: PLC0415

        dtype_of(settings.precision, device_named(settings.device))
    if settings.words_file:
        read_vocabulary(_words_file(settings))
    if settings.chat_url:
        _endpoint(settings, lambda: False)


def _words_file(settings: ReplaySettings) -> Path:
    return Path(shipped("words_file", settings.words_file)).expanduser()


def _endpoint(settings: ReplaySettings, stopped: Callable[[], bool]) -> "ChatEndpoint":
    from replay.words.chat_endpoint import ChatEndpoint  # noqa: PLC0415  openai takes 2.4 s to import

    return ChatEndpoint(
        settings.chat_url,
        settings.chat_model,
        settings.chat_key.get_secret_value(),
        settings.chat_seconds,
        settings.chat_tries,
        settings.chat_tokens,
        stopped,
    )


def _vocabulary(settings: ReplaySettings, model: str, folder: Path, stopped: Callable[[], bool]) -> Vocabulary | None:
    file = _words_file(settings) if settings.words_file else None
    if settings.chat_url:
        from replay.words.vocabulary_source import VocabularyCache, VocabularySource  # noqa: PLC0415  as above

        observe = functools.partial(metrics.observe_chat, model)
        source = VocabularySource(observe, _endpoint(settings, stopped), VocabularyCache(folder), file)
        return source.vocabulary(settings.stream_description)
    return read_vocabulary(file) if file else None


def _judge_of(settings: ReplaySettings, words: Vocabulary | None) -> Callable[[Subject], Judge]:
    if not settings.labeller:
        return AcceptingJudge
    if words is None:
        raise InvalidSetting(_NO_WORDS)
    from replay.label.labeller import open_labeller  # noqa: PLC0415  torch and open_clip take seconds to import

    source = shipped("labeller", settings.labeller)
    labeller = open_labeller(
        source, words.words, words.prompts, settings.device, settings.least_score, settings.temperature
    )
    rules = FilterRules(settings.filter_most_spreads, settings.filter_fewest_spreads)
    return functools.partial(LabellerJudge, labeller, rules)


def _text_to_image(settings: ReplaySettings, words: Vocabulary | None, model: str) -> Generator:
    if not settings.pipeline:
        raise InvalidSetting(_NO_PIPELINE)
    from replay.generate.text_to_image import PipelineOptions, open_text_to_image  # noqa: PLC0415  diffusers takes seconds to import

    options = PipelineOptions(
        templates=words.prompts if words else TEMPLATE_PROMPTS,
        steps=settings.steps,
        guidance=settings.guidance,
        batch_images=settings.pipeline_images,
        scheduler=settings.scheduler,
        precision=settings.precision,
        sliced=settings.sliced,
    )
    generator = open_text_to_image(shipped("pipeline", settings.pipeline), options, settings.device)
    if not settings.cache_bytes:
        return generator
    return CachedGenerator(
        generator, SampleCache(settings.cache_bytes), functools.partial(metrics.observe_cache, model)
    )
