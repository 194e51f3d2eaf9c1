"""What may name a model, and so its topics, its folders and its logs."""

import re

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_model_name(text: str) -> bool:
    """Say whether ``text`` may name a model.

    Examples
    --------
    >>> is_model_name("cats"), is_model_name("../cats")
    (True, False)
    """
    return _NAME.fullmatch(text) is not None


def no_model_name(text: str) -> str:
    """Return the sentence for a text that may not name one."""
    return f"a model's name has 1 to 64 letters, digits, _ or -, but {text!r} came; choose another"
