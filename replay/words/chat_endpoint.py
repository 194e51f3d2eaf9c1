"""A vocabulary from an OpenAI-compatible chat endpoint, through the openai client; see decision 12.

Of an error's body nothing is read: it may be long, and may repeat the key.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx2
from openai import APIConnectionError, APIStatusError, AsyncAPIResponse, AsyncOpenAI, AsyncStream
from pydantic import AnyHttpUrl, TypeAdapter, ValidationError

from replay.errors import EndpointUnavailable, VocabularyRefused
from replay.words.chat_reply import read_reply, vocabulary_in
from replay.words.question import question_about
from replay.words.vocabulary import Vocabulary
from stream.process.errors import InvalidSetting

MOST_BODY_BYTES = 16 * 1024**2  # 32,000 tokens of reasoning, an event of 250 bytes each, twice
_LOOK_SECONDS = 0.2
_PAUSE_SECONDS = 1.0  # after a reply without words
_HEADERS = frozenset(
    "host accept connection user-agent authorization content-type content-length transfer-encoding".split()  # noqa: SIM905
)
_CLIENTS_OWN = "x-stainless-"  # its version and the system; it reads them back itself
_BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
_MEANS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: ": the key is missing or wrong",
    HTTPStatus.PAYMENT_REQUIRED: ": the account has no balance",
    HTTPStatus.FORBIDDEN: ": the key may not be used for this",
    HTTPStatus.NOT_FOUND: ": the address or the model's name is wrong",
}
_ADDRESS = TypeAdapter(AnyHttpUrl)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChatEndpoint:
    """An endpoint that suggests vocabularies. The key is shown nowhere.

    Parameters
    ----------
    url
        ``http`` or ``https``, up to and with the version: ``https://api.deepseek.com/v1``.
    llm
        The language model's name there.
    seconds
        For the whole question, with all tries and pauses.
    most_tokens
        Of a reply; a reasoning model takes thousands.
    stopped
        Polled while a reply is waited for; true ends the wait.

    Raises
    ------
    InvalidSetting
        The address is no such address, or the key is not one that a header can carry.
    """

    url: str
    llm: str
    key: str = field(default="", repr=False)
    seconds: float = 180.0
    tries: int = 3
    most_tokens: int = 16_384
    stopped: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        if not _is_plain_address(self.url):
            message = "replay.chat_url must be http(s)://host[:port]/path and hold neither user nor query; correct it"
            raise InvalidSetting(message)
        if not (self.key.isascii() and self.key.isprintable() and " " not in self.key):
            message = "replay.chat_key holds characters that no key has; copy it again"
            raise InvalidSetting(message)

    def suggest(self, description: str) -> tuple[Vocabulary, Counter[str]]:
        """Return words and prompts for a stream of this description, and the tokens that they cost by kind.

        Raises
        ------
        VocabularyRefused
            The description is empty or too long.
        EndpointUnavailable
            No try gave words, the time was over, or ``stopped`` returned true.
        """
        question, tokens = question_about(description), Counter[str]()
        try:
            return asyncio.run(self._suggested(question, tokens)), tokens
        except _NoWords as error:
            message = f"the chat endpoint {self.url} {error}; mend it, or name a words file in replay.words_file"
            raise EndpointUnavailable(message, reason=error.reason, tokens=tokens) from None

    async def _suggested(self, question: str, tokens: Counter[str]) -> Vocabulary:
        """Ask within the deadline, and as long as ``stopped`` returns false."""
        asking = asyncio.create_task(self._ask(question, tokens))
        try:
            async with asyncio.timeout(self.seconds):
                while not (await asyncio.wait({asking}, timeout=_LOOK_SECONDS))[0]:
                    if self.stopped():
                        raise _NoWords(reason="stopped", text="was not waited for, because this worker is to stop")
                return asking.result()
        except TimeoutError:
            raise _NoWords(reason="late", text="did not answer in full in time") from None
        except APIStatusError as error:
            raise _refusal(error.status_code) from None
        except (APIConnectionError, httpx2.InvalidURL) as error:
            raise _NoWords(reason="unreachable", text=f"cannot be reached ({_name_of(error)})") from None
        finally:
            asking.cancel()

    async def _ask(self, question: str, tokens: Counter[str]) -> Vocabulary:
        """Ask until there are words: the client retries what fails before a reply, this loop a reply without words."""
        tries = self.tries
        http = httpx2.AsyncClient(
            follow_redirects=False, event_hooks={"request": [_keep_own_headers], "response": [_bound]}
        )
        key = self.key or "none"  # a server of one's own needs none, the client insists
        async with AsyncOpenAI(base_url=self.url, api_key=key, timeout=None, http_client=http) as client:
            while True:
                requests = client.with_options(max_retries=tries - 1).chat.completions.with_streaming_response
                async with requests.create(
                    model=self.llm,
                    messages=[{"role": "user", "content": question}],  # DeepSeek-R1 wants no system prompt
                    max_tokens=self.most_tokens,
                    stream=True,  # so that a server which thinks for minutes is heard
                    stream_options={"include_usage": True},
                ) as response:
                    tries -= 1 + response.retries_taken
                    try:
                        return await _vocabulary(response, tokens)
                    except _NoWords as error:
                        _log.warning("the chat endpoint %s; %d tries are left", error, tries)
                        if not tries:
                            raise
                await asyncio.sleep(_PAUSE_SECONDS)


class _NoWords(Exception):
    """Why there are no words: an `EndpointUnavailable`'s reason, and the end of its sentence."""

    def __init__(self, *, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


async def _vocabulary(response: AsyncAPIResponse[Any], tokens: Counter[str]) -> Vocabulary:
    try:
        reply = await read_reply(_documents(response))
        tokens.update(reply.tokens)
        vocabulary, dropped = vocabulary_in(reply)
    except (APIConnectionError, httpx2.HTTPError) as error:  # the first from a stream, the second from a whole reply
        raise _NoWords(reason="cut", text=f"broke its answer off ({_name_of(error)})") from None
    except VocabularyRefused as error:
        cause = str(error).partition(";")[0]
        raise _NoWords(reason="unusable", text=f"gave no words that can be used ({cause})") from None
    if dropped:
        _log.warning("%d of the chat endpoint's words and prompts may not be used and are dropped", dropped)
    return vocabulary


async def _documents(response: AsyncAPIResponse[Any]) -> AsyncIterator[object]:
    """Give the events of a stream; some servers answer whole although a stream was asked for."""
    if response.headers.get("content-type", "").lower().startswith("text/event-stream"):
        async for event in await response.parse(to=AsyncStream[object]):
            yield event
    else:
        yield await response.json()


async def _keep_own_headers(request: httpx2.Request) -> None:
    """Send no header but these: the client adds some from the environment, which may name accounts or hold keys."""
    for name in list(request.headers):
        if name.lower() not in _HEADERS and not name.lower().startswith(_CLIENTS_OWN):
            del request.headers[name]
    request.headers["accept-encoding"] = "identity"  # so that a small body is not a large one


async def _bound(response: httpx2.Response) -> None:
    """Leave an error's body unread, and cap a reply's: the client's decoder of events has no limit."""
    if not response.is_success:
        await response.aclose()
    elif isinstance(response.stream, httpx2.AsyncByteStream):
        response.headers.pop("content-encoding", None)
        response.stream = _Capped(response.stream)


class _Capped(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MOST_BODY_BYTES
        async for part in self._stream:
            yield part[:left]
            left -= len(part)
            if left <= 0:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()


def _refusal(status: int) -> _NoWords:
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _NoWords(reason="busy", text=f"answered {status}")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return _NoWords(
            reason="refused", text=f"answered {status}, a redirect, which is not followed: the address is another"
        )
    return _NoWords(reason="refused", text=f"answered {status}{_MEANS.get(status, '')}")


def _name_of(error: Exception) -> str:
    return type(error.__cause__ or error).__name__


def _is_plain_address(url: str) -> bool:
    try:
        parts = _ADDRESS.validate_python(url)
    except ValidationError:
        return False
    return url.isprintable() and not (parts.username or parts.password or parts.query or parts.fragment)
