"""One question to an OpenAI-compatible chat endpoint: sent, answered whole or as events, or failed; nothing else waits.

Of an error's body nothing is read: it may be long, and may repeat the key.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx2
from openai import APIConnectionError, APIStatusError, AsyncOpenAI

from stream.process.errors import InvalidSetting

MOST_BODY_BYTES = 16 * 1024**2  # 32,000 tokens of reasoning, an event of 250 bytes each, twice
_LOOK_SECONDS = 0.2
_END = b"data: [DONE]"
_HEADERS = frozenset(
    "host accept accept-encoding connection user-agent authorization content-type content-length "  # noqa: SIM905
    "transfer-encoding".split()
)
_CLIENTS_OWN = "x-stainless-"  # its version and the system; it reads them back itself
_BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_MEANS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: ": the key is missing or wrong",
    HTTPStatus.PAYMENT_REQUIRED: ": the account has no balance",
    HTTPStatus.FORBIDDEN: ": the key may not be used for this",
    HTTPStatus.NOT_FOUND: ": the address or the model's name is wrong",
}


@dataclass(frozen=True)
class Endpoint:
    """Where to ask, and at what price. The key is shown nowhere.

    Parameters
    ----------
    url
        ``http`` or ``https``, up to and with the version: ``https://api.deepseek.com/v1``.
    llm
        The language model's name there.
    seconds
        For the whole question, with all tries and what is waited between them.
    most_tokens
        Of a reply; a model that thinks takes thousands.

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

    def __post_init__(self) -> None:
        if not _is_plain_address(self.url):
            message = "replay.chat_url must be http(s)://host[:port]/path and hold neither user nor query; correct it"
            raise InvalidSetting(message)
        if not (self.key.isascii() and self.key.isprintable() and " " not in self.key):
            message = "replay.chat_key holds characters that no key has; copy it again"
            raise InvalidSetting(message)


@dataclass(frozen=True)
class Failure:
    """Why there is no reply, and after how many seconds the endpoint wants to be asked again, if it says so."""

    reason: Literal["unreachable", "late", "refused", "busy", "cut", "unusable", "stopped"]
    told: str
    wait_seconds: float = 0.0

    @property
    def may_pass(self) -> bool:
        """Whether it makes sense to ask again."""
        return self.reason not in ("late", "refused", "stopped")


def ask(endpoint: Endpoint, question: str, seconds: float, stopped: Callable[[], bool]) -> bytes | Failure:
    """Return the reply's body, whole or up to where it was too long; after ``seconds`` in all a failure.

    So it is where ``stopped``, which is asked now and then, says yes. A name that is being resolved is waited for
    beyond that, as long as the system's resolver takes.
    """
    return asyncio.run(_ask_within(endpoint, question, seconds, stopped))


async def _ask_within(
    endpoint: Endpoint, question: str, seconds: float, stopped: Callable[[], bool]
) -> bytes | Failure:
    try:
        async with asyncio.timeout(seconds):
            return await _unless(stopped, asyncio.create_task(_ask(endpoint, question)))
    except TimeoutError:
        return Failure("late", "did not answer in full in time")
    except APIStatusError as error:
        return _refusal(error.status_code, error.response.headers.get("retry-after", ""))
    except APIConnectionError as error:
        return Failure("unreachable", f"cannot be reached ({type(error.__cause__ or error).__name__})")
    except httpx2.InvalidURL:
        return Failure("refused", "has no address that can be asked")
    except httpx2.HTTPError as error:
        return Failure("cut", f"broke its answer off ({type(error).__name__})")


async def _unless(stopped: Callable[[], bool], asking: asyncio.Task[bytes]) -> bytes | Failure:
    try:
        while not (await asyncio.wait({asking}, timeout=_LOOK_SECONDS))[0]:
            if stopped():
                return Failure("stopped", "was not waited for, because this worker is to stop")
        return asking.result()
    finally:
        asking.cancel()


async def _ask(endpoint: Endpoint, question: str) -> bytes:
    hooks: dict[str, list[Callable[..., Any]]] = {
        "request": [_leave_others_out],
        "response": [_leave_errors_unread],
    }
    http = httpx2.AsyncClient(follow_redirects=False, event_hooks=hooks)
    key = endpoint.key or "none"  # a server of one's own asks for none, the client insists
    async with (
        AsyncOpenAI(base_url=endpoint.url, api_key=key, max_retries=0, timeout=None, http_client=http) as client,
        client.chat.completions.with_streaming_response.create(
            model=endpoint.llm,
            messages=[{"role": "user", "content": question}],  # DeepSeek-R1 wants no system prompt
            max_tokens=endpoint.most_tokens,
            stream=True,  # so that a server which thinks for minutes is heard
            stream_options={"include_usage": True},
        ) as response,
    ):
        body = bytearray()
        async for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MOST_BODY_BYTES or _END in body[-len(chunk) - len(_END) :]:
                break  # some servers keep the connection open
        return bytes(body[:MOST_BODY_BYTES])


async def _leave_others_out(request: httpx2.Request) -> None:
    """Send no header but these: the client adds some from the environment, which may name accounts or hold keys."""
    for name in list(request.headers):
        if name.lower() not in _HEADERS and not name.lower().startswith(_CLIENTS_OWN):
            del request.headers[name]


async def _leave_errors_unread(response: httpx2.Response) -> None:
    if not response.is_success:
        await response.aclose()


def _refusal(status: int, retry_after: str) -> Failure:
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        asked = retry_after if re.fullmatch(r"[0-9]{1,6}", retry_after) else "0"  # a date is not waited for
        patience = f" and asks for {asked} s of patience" if float(asked) else ""
        return Failure("busy", f"answered {status}{patience}", float(asked))
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Failure("refused", f"answered {status}, a redirect, which is not followed: the address is another")
    return Failure("refused", f"answered {status}{_MEANS.get(status, '')}")


def _is_plain_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = parts.port is None or parts.port > 0
    except ValueError:
        return False
    beside = parts.username or parts.password or parts.query or parts.fragment
    return bool(plain and parts.scheme in ("http", "https") and parts.hostname and url.isprintable() and not beside)
