"""What the server and a loaded graph cannot answer for."""

from stream.process.errors import R2RError


class InvalidRequest(R2RError):
    """The request cannot be read: not JSON, empty, or without what the protocol asks for."""


class InvalidTensor(InvalidRequest):
    """An input or output is not what the model takes or gives."""

    def __init__(self, tensor: str, came: str, expected: str) -> None:
        super().__init__(f"tensor {tensor!r}: {came} came; send {expected}")


class UnsupportedMedia(InvalidRequest):
    """The content type is not one the server reads."""

    def __init__(self, content_type: str, readable: tuple[str, ...]) -> None:
        super().__init__(f"content type {content_type!r} is not read here; send one of {', '.join(readable)}")


class BodyTooLarge(InvalidRequest):
    """The body has more bytes than the server takes."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"the body has more than {limit_bytes} bytes; send a smaller image or batch, or raise deploy.max_body_bytes"
        )


class BodyTooSlow(InvalidRequest):
    """The body did not arrive within the deadline."""

    def __init__(self, limit_seconds: float) -> None:
        super().__init__(f"the body did not arrive within {limit_seconds:g} s; send it again over a faster connection")


class Overloaded(R2RError):
    """As many requests as the server admits are being answered."""

    def __init__(self, in_flight: int) -> None:
        super().__init__(f"{in_flight} requests are being answered, the most admitted; try again in a second")


class ModelNotReady(R2RError):
    """The model has no version that could answer yet."""

    def __init__(self, model: str) -> None:
        super().__init__(f"model {model!r} has no version yet; try again when its learner has published one")


class ProviderMissing(R2RError):
    """ONNX Runtime does not run on the provider that was asked for."""

    def __init__(self, asked: str, got: str) -> None:
        super().__init__(
            f"deploy.provider = {asked!r} was asked for but ONNX Runtime gave {got}; "
            "install a GPU driver and onnxruntime-gpu[cuda,cudnn], or set deploy.provider to 'cpu'"
        )


class InvalidGraph(R2RError):
    """The bytes are no ONNX graph that ONNX Runtime loads and that has the served contract."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"the graph cannot be served: {cause}; publish the checkpoint again")
        self.fault = cause
