"""A real HTTP server on loopback that answers as chat endpoints do, DeepSeek's ways included."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.wait import PATIENCE_SECONDS

Answer = Callable[["Handler"], None]
WORDS = {"words": ["cat", "dog", "red fox"], "prompts": ["a photo of a {}", "a {} in fog, seen from above"]}
LISTED = json.dumps(WORDS)
USAGE = {"prompt_tokens": 100, "completion_tokens": 50, "completion_tokens_details": {"reasoning_tokens": 30}}


class Handler(BaseHTTPRequestHandler):
    """Hands each request to the next answer; the last one is given again and again."""

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, ChatServer)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        server.requests.append((self.path, headers, json.loads(body)))
        answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        with suppress(BrokenPipeError, ConnectionResetError):  # the client has had enough
            answer(self)

    def start(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class ChatServer(ThreadingHTTPServer):
    """Keeps what it was asked."""

    daemon_threads = True

    def __init__(self, answers: Sequence[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.requests: list[tuple[str, dict[str, str], dict[str, object]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def chat_server(*answers: Answer) -> Iterator[ChatServer]:
    """Run a server that gives these answers, one after the other."""
    with ChatServer(answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(PATIENCE_SECONDS)


def events(*deltas: dict[str, object], finish: str | None = "stop", done: bool = True) -> bytes:
    """Return a stream of events; ``finish`` None is a stream that ends before its end."""
    documents: list[dict[str, object]] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    if finish is not None:
        documents += [{"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}]
        documents += [{"choices": [], "usage": USAGE}]
    lines = [b": keep-alive\n\n", *(b"data: " + json.dumps(one).encode() + b"\n\n" for one in documents)]
    return b"".join(lines) + (b"data: [DONE]\n\n" if done else b"")


def streamed(*deltas: dict[str, object], finish: str | None = "stop") -> Answer:
    """Answer with a stream of events."""

    def answer(handler: Handler) -> None:
        handler.start(Content_Type="text/event-stream", Connection="close")
        handler.wfile.write(events(*deltas, finish=finish, done=finish is not None))

    return answer


def whole(**message: object) -> Answer:
    """Answer with one document although a stream was asked for, after the empty lines that DeepSeek sends to wait."""

    def answer(handler: Handler) -> None:
        document = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE}
        body = b"\n\n\n" + json.dumps(document, indent=1).encode()
        handler.start(Content_Type="application/json", Content_Length=str(len(body)))
        handler.wfile.write(body)

    return answer


def status(number: int, body: bytes = b"{}", **headers: str) -> Answer:
    """Answer with an error."""

    def answer(handler: Handler) -> None:
        handler.start(number, Content_Length=str(len(body)), **headers)
        handler.wfile.write(body)

    return answer


def broken_off(handler: Handler) -> None:
    """Announce more than is sent, and close."""
    body = events({"content": LISTED}, done=False)
    handler.start(Content_Type="text/event-stream", Content_Length=str(len(body) + 100))
    handler.wfile.write(body)
    handler.close_connection = True


def whole_broken_off(handler: Handler) -> None:
    """As `broken_off`, of a reply that is no stream."""
    handler.start(Content_Type="application/json", Content_Length="1000")
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True


def dripping(handler: Handler) -> None:
    """Send a byte now and then, for a minute: no wait for one byte is ever long."""
    handler.start(Content_Type="text/event-stream", Connection="close")
    for _ in range(1200):
        handler.wfile.write(b":")
        handler.wfile.flush()
        time.sleep(0.05)


def dripping_headers(handler: Handler) -> None:
    """As `dripping`, before the answer has begun."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(1200):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def endless(handler: Handler) -> None:
    """Send as much as is taken."""
    handler.start(Content_Type="text/event-stream", Connection="close")
    while True:
        handler.wfile.write(b'data: {"choices":[{"delta":{"content":"' + b"x" * 10_000 + b'"}}]}\n\n' * 10)


def left_open(handler: Handler) -> None:
    """Answer in full and say so, but never close."""
    handler.start(Content_Type="text/event-stream")
    handler.wfile.write(events({"content": LISTED}))
    handler.wfile.flush()
    time.sleep(60)
