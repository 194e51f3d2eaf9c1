"""One loaded version in ONNX Runtime. The only file that touches ``onnxruntime``, which has no types.

Axes: B batch, H height, W width, C = 3 colours, D latent; 5 = the most probable classes.
"""

import logging
import threading
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from deploy.registry.served_contract import INPUT, OUTPUTS, Prediction, TensorSpec
from deploy.serving.errors import InvalidGraph, ProviderMissing
from deploy.settings import ProviderChoice

_log = logging.getLogger(__name__)
_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
_DRIVER_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
_TYPES = {"UINT8": "tensor(uint8)", "INT64": "tensor(int64)", "BYTES": "tensor(string)", "FP32": "tensor(float)"}
_GRAPH_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    RuntimeError,
    ValueError,
)
_FATAL_ONLY = 4  # its own words on stderr would come beside our sentence
_WARM_UP_SHAPES = ((1, 32, 32, 3), (2, 48, 64, 3))

_preloading = threading.Lock()


class InferenceSession:
    """A graph with the served contract, ready to answer from any number of threads at once."""

    def __init__(self, session: Any, provider: str, latent_size: int) -> None:
        self._session = session
        self.provider = provider
        """``cpu`` or ``cuda``: what runs, not what was asked for."""
        self.latent_size = latent_size

    @classmethod
    def load(cls, model_bytes: bytes, provider: ProviderChoice, threads: int) -> Self:
        """Load a graph.

        Parameters
        ----------
        model_bytes
            ``model.onnx``, one file without external data.
        provider
            ``auto`` takes CUDA where a driver is present, and the CPU otherwise.
        threads
            ONNX Runtime's own, for one request.

        Raises
        ------
        InvalidGraph
            The bytes are no graph, or one without the served contract.
        ProviderMissing
            ``cuda`` was asked for and ONNX Runtime runs on something else.
        """
        try:
            session = _open(model_bytes, provider, threads)
            latent_size = _check_contract(session)
        except _GRAPH_ERRORS as error:
            cause = f"ONNX Runtime does not load it ({type(error).__name__}: {error})"
            raise InvalidGraph(cause) from error
        return cls(session, _check_runs_on(session, provider), latent_size)

    def warm_up(self) -> None:
        """Answer black images once, so that the first request does not pay for allocations.

        Raises
        ------
        InvalidGraph
            The graph loads but does not run.
        """
        for shape in _WARM_UP_SHAPES:
            try:
                self.run(np.zeros(shape, np.uint8))
            except _GRAPH_ERRORS as error:
                cause = f"it does not run ({type(error).__name__}: {error})"
                raise InvalidGraph(cause) from error

    def run(self, images_BHWC: npt.NDArray[np.uint8]) -> Prediction:
        """Answer for a batch of images of one size."""
        answers = self._session.run(None, {INPUT.name: images_BHWC})
        return Prediction(**dict(zip(self._output_names(), answers, strict=True)))

    def _output_names(self) -> list[str]:
        return [output.name for output in self._session.get_outputs()]


def check_provider(provider: ProviderChoice) -> None:
    """Raise ProviderMissing where ``cuda`` is asked for and cannot be there; a loaded session is the final proof."""
    if provider == "cuda":
        available = onnxruntime.get_available_providers()
        if _CUDA not in available:
            raise ProviderMissing(provider, ", ".join(available))
        if not driver_present():
            raise ProviderMissing(provider, _CPU)


def provider_that_runs(model_bytes: bytes, provider: ProviderChoice) -> str:
    """Return ``cpu`` or ``cuda``: on which of them a graph runs, whatever its contract.

    Raises
    ------
    ProviderMissing
        ``cuda`` was asked for and ONNX Runtime runs on something else.
    """
    return _check_runs_on(_open(model_bytes, provider, threads=1), provider)


def driver_present() -> bool:
    """Say whether this machine has a driver for NVIDIA GPUs."""
    return any(device.exists() for device in _DRIVER_DEVICES)


def _open(model_bytes: bytes, provider: ProviderChoice, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads would burn whole cores
    if not _wants_cuda(provider):
        return onnxruntime.InferenceSession(model_bytes, options, providers=[_CPU], enable_fallback=0)
    _preload_cuda()
    # its fallback would print, and hide a provider that is missing
    return onnxruntime.InferenceSession(model_bytes, options, providers=[_CUDA, _CPU], enable_fallback=0)


def _check_runs_on(session: Any, provider: ProviderChoice) -> str:
    runs_on = str(session.get_providers()[0])
    if _wants_cuda(provider) and runs_on != _CUDA:
        if provider == "cuda":
            raise ProviderMissing(provider, runs_on)
        _log.warning(
            "a GPU driver is present but ONNX Runtime runs on %s; install onnxruntime-gpu[cuda,cudnn]", runs_on
        )
    return "cuda" if runs_on == _CUDA else "cpu"


def _wants_cuda(provider: ProviderChoice) -> bool:
    return provider == "cuda" or (provider == "auto" and driver_present())


def _preload_cuda() -> None:
    with _preloading:
        onnxruntime.preload_dlls()


def _check_contract(session: Any) -> int:
    """Return the latent's length; raise InvalidGraph where an input or output is not as agreed."""
    _check_tensors("input", session.get_inputs(), (INPUT,))
    outputs = session.get_outputs()
    _check_tensors("output", outputs, OUTPUTS)
    latent_size = next(output.shape[1] for output in outputs if output.name == "latent")
    if not isinstance(latent_size, int):
        cause = f"the latent's length is {latent_size!r} and not a number"
        raise InvalidGraph(cause)
    return latent_size


def _check_tensors(kind: str, found: Any, expected: tuple[TensorSpec, ...]) -> None:
    came = {tensor.name: (tensor.type, len(tensor.shape)) for tensor in found}
    agreed = {tensor.name: (_TYPES[tensor.datatype], len(tensor.shape)) for tensor in expected}
    for name in sorted(came.keys() | agreed.keys()):
        if came.get(name) != agreed.get(name):
            cause = f"its {kind} {name!r} is {came.get(name)}, the contract says {agreed.get(name)}"
            raise InvalidGraph(cause)
