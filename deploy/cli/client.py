"""Ask a running server: images in, class ids and names out, over the Open Inference Protocol."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from deploy.cli.errors import ImageRefused, ServerAnswer, ServerAway

_TIMEOUT_SECONDS = 30.0
_CONNECTIONS = 4
_IMAGE_AT_FAULT = (400, 413, 415)


@dataclass(frozen=True)
class Answer:
    """What the model says of one image: five classes at most, the likeliest first."""

    version: int
    class_id: int
    name: str
    probability: float
    uncertainty: float
    top_names: list[str]
    top_probabilities: list[float]


class Client:
    """A connection pool to one server; a context manager.

    Parameters
    ----------
    address
        ``http://host:port``.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._http = httpx.Client(base_url=address, timeout=_TIMEOUT_SECONDS, trust_env=False)

    def ask(self, model: str, image: bytes, content_type: str, version: int | None = None) -> Answer:
        """Classify one encoded image with the newest version, or with ``version``.

        Raises
        ------
        ImageRefused, ServerAnswer
            The server refused, with its own sentence.
        ServerAway
            It did not answer.
        """
        route = f"/v2/models/{model}/infer" if version is None else f"/v2/models/{model}/versions/{version}/infer"
        body = self._call("POST", route, content=image, headers={"content-type": content_type})
        try:
            return _answer(body)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise self._no_server_of_ours(error) from error

    def models(self) -> list[str]:
        """Return the models that can answer, sorted; see `ask` for the errors."""
        index = self._call("POST", "/v2/repository/index")
        try:
            return sorted({str(row["name"]) for row in index})
        except (KeyError, TypeError) as error:
            raise self._no_server_of_ours(error) from error

    def ask_all(self, model: str, images: Sequence[bytes], content_type: str, version: int | None) -> Iterator[Answer]:
        """Yield the answers in the images' order, a few requests at a time; see `ask` for the errors."""
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            yield from pool.map(lambda image: self.ask(model, image, content_type, version), images)

    def _call(self, method: str, route: str, **sent: Any) -> Any:
        """Return the JSON of an answer that is no error."""
        try:
            response = self._http.request(method, route, **sent)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerAway(self._address, error) from error
        try:
            body = response.json()
        except ValueError as error:
            raise self._no_server_of_ours(error) from error
        if response.status_code == httpx.codes.OK:
            return body
        refusal = body.get("error", response.text) if isinstance(body, dict) else response.text
        raise (ImageRefused if response.status_code in _IMAGE_AT_FAULT else ServerAnswer)(str(refusal))

    def _no_server_of_ours(self, cause: Exception) -> ServerAnswer:
        message = f"{self._address} is no server of the Open Inference Protocol ({cause}); name another with --server"
        return ServerAnswer(message)

    def close(self) -> None:
        """Close the connections; may be called again."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _answer(body: Any) -> Answer:
    outputs = {output["name"]: output["data"] for output in body["outputs"]}
    return Answer(
        version=int(body["model_version"]),
        class_id=outputs["class_id"][0],
        name=outputs["name"][0],
        probability=outputs["probability"][0],
        uncertainty=outputs["uncertainty"][0],
        top_names=[name for name in outputs["top_names"] if name],
        top_probabilities=outputs["top_probabilities"][: sum(1 for name in outputs["top_names"] if name)],
    )
