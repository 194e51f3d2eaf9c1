"""Calls of ``kafka`` that have no timeout of their own, such as ``commit_transaction``."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from stream.kafka.client import unavailable
from stream.process.settings import StreamSettings

T = TypeVar("T")


class KafkaCall(Generic[T]):
    """A call that has begun in a daemon thread of its own; `result` waits for it, but not for ever.

    Parameters
    ----------
    call
        Nobody else may use its client until `result` has returned.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._results: list[T] = []
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True, name="kafka-call")
        self._thread.start()

    def result(self, settings: StreamSettings, timeout_seconds: float) -> T:
        """Return what the call returned or raise what it raised, after ``timeout_seconds`` at most.

        Raises
        ------
        BrokerUnavailable
            The call goes on, and nobody waits for it; its client must not be used again.
        """
        self._thread.join(timeout_seconds)
        if self._errors:
            raise self._errors[0]
        if not self._results:
            raise unavailable(settings, f"no reply within {timeout_seconds:g} s")
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as error:  # raised again by `result`, in the thread of the caller
            self._errors.append(error)


def within(settings: StreamSettings, timeout_seconds: float, call: Callable[[], T]) -> T:
    """Return what ``call`` returns, but wait at most ``timeout_seconds``; see `KafkaCall.result`."""
    return KafkaCall(call).result(settings, timeout_seconds)
