"""The replay workers' settings."""

from typing import Literal

from pydantic import Field, SecretStr

from stream.process.settings import Settings


class ReplaySettings(Settings):
    """What a worker accepts and how it generates images. Times are seconds."""

    generator: Literal["resynthesis", "text_to_image"] = "resynthesis"
    """``resynthesis`` warps and blends exemplars, with no pretrained model; ``text_to_image`` generates from names."""
    strength: float = Field(1.0, ge=0, le=3)
    """How far ``resynthesis`` goes from the exemplars: 0 copies them, 0.5 to 1.5 are alike on digits, 2 harms."""
    batch_images: int = Field(32, ge=1)
    """Asked of the generator at a time; between two batches a request can expire and a worker be stopped."""

    # Words
    labeller: str = ""
    """Names clusters and judges images; or none.

    A folder, an open_clip tag as ViT-B-32/datacomp_xl_s13b_b90k, or an architecture and a file as ViT-B-32:FILE.

    Here and in ``pipeline`` and ``words_file``, ``digits`` is the pair that comes with the package.
    """
    temperature: float = Field(0.0, ge=0)
    """By which the labeller's cosines are divided; 0 takes what lies beside the model, or else the model's own."""
    least_score: float = Field(0.5, gt=0, le=1)
    """A less probable word is not a label."""
    words_file: str = ""
    """One word a line: the labeller's vocabulary; see docs/vocabulary.md."""
    stream_description: str = ""
    """What the stream's images are of, in a sentence, for the chat endpoint."""
    chat_url: str = ""
    """An OpenAI-compatible endpoint that is asked for words, as https://api.deepseek.com/v1; or none."""
    chat_model: str = "deepseek-reasoner"
    chat_key: SecretStr = SecretStr("")
    """From the environment, R2R_REPLAY__CHAT_KEY, or the file; a flag is visible in the list of processes."""
    chat_seconds: float = Field(180.0, gt=0)
    """For the whole question, with all tries."""
    chat_tries: int = Field(3, ge=1)
    chat_tokens: int = Field(16_384, ge=1)

    # Text to image
    pipeline: str = ""
    """A diffusers text-to-image pipeline: a folder or a hub id as CompVis/stable-diffusion-v1-4."""
    device: str = "auto"
    """``cpu``, ``cuda``, ``cuda:1``, or ``auto``: the GPU if there is one. For the labeller, too."""
    threads: int = Field(1, ge=1, le=1024)
    """Of torch on a CPU: two that share their cores with a learner generate a quarter as fast as one."""
    steps: int = Field(20, ge=1)
    guidance: float = Field(2.0, ge=0)
    """Turbo models want 1 to 4 steps and guidance 0."""
    scheduler: Literal["own", "dpm", "lcm"] = "own"
    precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    pipeline_images: int = Field(8, ge=1)
    """Drawn at a time."""
    sliced: bool = False
    """Attention and decoding piece by piece: less memory, more time."""
    images_of_a_name: int = Field(512, ge=1)
    """Most different images of a name, as published about 500."""
    cache_bytes: int = Field(64 * 1024**2, ge=0)
    """Cache of generated images; 0 for none."""

    # Judging, in spreads of the exemplars: see replay/judge/sample_filter.py
    filter_most_spreads: float = Field(6.0, gt=0)
    filter_fewest_spreads: float = Field(0.03, ge=0)

    # A request beyond these goes to its dead letters
    most_images: int = Field(512, ge=1)
    most_exemplar_pixels: int = Field(512 * 512, ge=1)
    most_answer_bytes: int = Field(32 * 1024**2, ge=1)
    request_seconds: float = Field(60.0, gt=0)
    """So long a request may be generated; other workers that come or go wait for it."""

    session_seconds: float = Field(6.0, ge=6)
    """A worker that gives no sign of life for so long loses its partitions; brokers refuse less than 6 by default."""
