"""Ask a running server: images in, class ids and names out, over the Open Inference Protocol."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from deploy.errors import ServerAnswer

_TIMEOUT_SECONDS = 30.0
_CONNECTIONS = 4


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
        ServerAnswer
            The server refused, with its own sentence, or did not answer.
        """
        route = f"/v2/models/{model}/infer" if version is None else f"/v2/models/{model}/versions/{version}/infer"
        try:
            response = self._http.post(route, content=image, headers={"content-type": content_type})
        except httpx.HTTPError as error:
            message = f"the server at {self._address} does not answer ({error}); start it with `r2r serve` or `r2r up`"
            raise ServerAnswer(message) from error
        body = response.json()
        if response.status_code != httpx.codes.OK:
            raise ServerAnswer(str(body.get("error", response.text)))
        return _answer(body)

    def ask_all(self, model: str, images: Sequence[bytes], content_type: str, version: int | None) -> Iterator[Answer]:
        """Yield the answers in the images' order, a few requests at a time; see `ask` for the errors."""
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            yield from pool.map(lambda image: self.ask(model, image, content_type, version), images)

    def close(self) -> None:
        """Close the connections; may be called again."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _answer(body: dict[str, Any]) -> Answer:
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
