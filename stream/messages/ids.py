"""Derived ids: ``<model>/<task_seq>/<kind>/<n>``, so that emitting a thing again after a restart is harmless."""


def derived_id(model: str, task_seq: int, kind: str, number: int) -> str:
    """Name the ``number``-th thing of ``kind`` that a task emits.

    Examples
    --------
    >>> derived_id("digits", 7, "event", 0)
    'digits/7/event/0'
    """
    return f"{model}/{task_seq}/{kind}/{number}"


def id_within(model: str, id: str) -> str:  # noqa: A002  the messages' name
    """Return a derived id without the name of the model that it begins with; empty where it begins otherwise.

    Examples
    --------
    >>> id_within("digits", "digits/7/event/0")
    '7/event/0'
    """
    own = f"{model}/"
    return id.removeprefix(own) if id.startswith(own) else ""
