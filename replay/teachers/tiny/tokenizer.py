"""A CLIP tokenizer that knows few words whole and spells all others, in the files of the published ones."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stream.process.home import write_atomically

START, END = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"


def save_tokenizer(folder: Path, texts: Iterable[str], context_length: int) -> None:
    """Write the files of a tokenizer that knows the words of ``texts``, in CLIP's byte-pair encoding.

    Every other word becomes its letters, so that no two words are the same to a model.
    """
    pieces, merges = _vocabulary(sorted({word for text in texts for word in re.findall(r"[a-z]+", text.lower())}))
    vocabulary = {piece: number for number, piece in enumerate([*pieces, START, END])}
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": context_length, **special}
    _save_json(folder / "vocab.json", vocabulary)
    write_atomically(folder / "merges.txt", "\n".join(["#version: 0.2", *merges, ""]).encode())
    _save_json(folder / "tokenizer_config.json", config)
    _save_json(folder / "special_tokens_map.json", special)


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of ``folder`` as transformers reads it."""
    from transformers import CLIPTokenizer  # noqa: PLC0415  seconds to import

    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def _vocabulary(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the pieces, single bytes first, and the merges that make each word one piece, from the left."""
    letters = _byte_letters()
    pieces = dict.fromkeys(letters + [letter + _WORD_END for letter in letters])
    merges: dict[str, None] = {}
    for word in words:
        parts = [*word[:-1], word[-1] + _WORD_END]
        whole = parts[0]
        for part in parts[1:]:
            merges[f"{whole} {part}"] = None
            whole += part
            pieces[whole] = None
    return list(pieces), list(merges)


def _byte_letters() -> list[str]:
    """Return the 256 characters by which byte-level encodings write bytes: GPT-2's table."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(len(others))]


def _save_json(path: Path, content: object) -> None:
    write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
