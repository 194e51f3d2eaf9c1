"""A tiny open_clip model: pictures beside the texts that name them, in the published folder format.

Learned as CLIP is, but against all classes and many texts that name none of them at once: a vocabulary at use holds
more words that are wrong than right, and most of them were never seen.

Axes: B images, K classes, N texts that name no class, D dimensions.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from replay.teachers.tiny.augmentation import augmented, to_tensor
from replay.teachers.tiny.prompts import TEMPLATES, class_prompt, other_prompt
from replay.teachers.tiny.recipe import Recipe
from replay.teachers.tiny.tokenizer import load_tokenizer, save_tokenizer
from stream.process.home import write_atomically
from stream.sources.datasets.teacher_part import LabelledPictures

CONTEXT_LENGTH = 48
_OTHERS = 30  # texts of no class beside those of the classes, in each step
_WORDINGS = 2
_RATE = 2e-3
_SMOOTHING = 0.05
_MOST_SCALE = math.log(100.0)
_TEXT_SETS = 256  # texts are drawn and cut into tokens ahead


def train_clip(
    pictures: LabelledPictures, words: Sequence[Sequence[str]], recipe: Recipe, folder: Path, run: tuple[int, str]
) -> None:
    """Train a model and write it into ``folder``.

    Parameters
    ----------
    words
        What each class is called.
    run
        The seed, and the device's name.
    """
    seed, device = run[0], torch.device(run[1])
    save_tokenizer(folder, [*TEMPLATES, *(word for names in words for word in names)], CONTEXT_LENGTH)
    config = model_config(recipe, len(load_tokenizer(folder)), pictures.images.shape[1])
    torch.manual_seed(seed)  # the libraries draw a model's first weights from it
    model = _new_model(config).to(device)
    texts = _texts(load_tokenizer(folder), words, np.random.default_rng(seed))
    _fit(model, (to_tensor(pictures.images, device), torch.from_numpy(pictures.labels).to(device)), texts, recipe, seed)
    _save_half(model, folder / "open_clip_model.safetensors")
    preprocess = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "shortest"}
    content = {"model_cfg": config, "preprocess_cfg": preprocess}
    write_atomically(folder / "open_clip_config.json", (json.dumps(content, indent=2) + "\n").encode())


def model_config(recipe: Recipe, vocabulary: int, side: int) -> dict[str, Any]:
    """Return open_clip's ``model_cfg``; any name for the tokenizer makes it look into the folder."""
    text = {"context_length": CONTEXT_LENGTH, "vocab_size": vocabulary, "hf_tokenizer_name": "beside"}
    return {
        "embed_dim": recipe.clip_dimensions,
        "vision_cfg": {"image_size": side, "layers": list(recipe.clip_layers), "width": recipe.clip_width},
        "text_cfg": {
            **text,
            "width": recipe.text_width,
            "heads": recipe.text_width // 32,
            "layers": recipe.text_layers,
        },
    }


def _new_model(config: dict[str, Any]) -> Any:
    from open_clip.model import CLIP  # noqa: PLC0415  seconds to import

    return CLIP(**config)


def _texts(tokenizer: Any, words: Sequence[Sequence[str]], draws: np.random.Generator) -> Tensor:
    """Return tokens [sets, K × wordings + N, context]."""
    known = [word for names in words for word in names]
    texts = [
        text
        for _ in range(_TEXT_SETS)
        for text in [class_prompt(names, draws) for names in words for _ in range(_WORDINGS)]
        + [other_prompt(known, draws) for _ in range(_OTHERS)]
    ]
    tokens = tokenizer(texts, padding="max_length", truncation=True, max_length=CONTEXT_LENGTH, return_tensors="pt")
    found: Tensor = tokens.input_ids.reshape(_TEXT_SETS, -1, CONTEXT_LENGTH)
    return found


def _fit(model: Any, pictures: tuple[Tensor, Tensor], texts: Tensor, recipe: Recipe, seed: int) -> None:
    images_BCHW, labels_B = pictures
    draws = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=recipe.clip_steps, pct_start=0.1)
    model.train()
    for step in tqdm(range(recipe.clip_steps), desc="labeller", unit=" steps", disable=None):
        chosen_B = torch.randint(len(labels_B), (recipe.clip_batch,), generator=draws).to(labels_B.device)
        seen_BCHW = augmented(images_BCHW[chosen_B], recipe.clip_warp, draws)
        logits_BX = _logits(model, seen_BCHW, texts[step % len(texts)].to(labels_B.device))
        loss = functional.cross_entropy(logits_BX, labels_B[chosen_B], label_smoothing=_SMOOTHING)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=_MOST_SCALE)
    model.eval()


def _logits(model: Any, images_BCHW: Tensor, tokens: Tensor) -> Tensor:
    """Return [B, K + N]: each image against each class, its wordings' mean, and each text of no class."""
    texts_TD = model.encode_text(tokens, normalize=True)
    classes = len(tokens) - _OTHERS
    classes_KD = functional.normalize(texts_TD[:classes].unflatten(0, (-1, _WORDINGS)).mean(dim=1), dim=-1)
    heads_XD = torch.cat([classes_KD, texts_TD[classes:]])
    scores: Tensor = model.logit_scale.exp() * model.encode_image(images_BCHW, normalize=True) @ heads_XD.T
    return scores


def _save_half(model: nn.Module, path: Path) -> None:
    """Write the model's state as float16 in safetensors: half the size, read back into float32 by any loader."""
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    halves = {name: value.to(torch.float16) if value.is_floating_point() else value for name, value in state.items()}
    write_atomically(path, save(halves, metadata={"format": "pt"}))
