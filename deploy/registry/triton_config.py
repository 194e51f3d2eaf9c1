"""``config.pbtxt``: what NVIDIA Triton needs to serve the registry's live root. Written once for each model.

Source: https://github.com/triton-inference-server/server/blob/main/docs/user_guide/model_configuration.md
"""

from deploy.registry.served_contract import INPUT, OUTPUTS, TensorSpec

_TYPES = {"UINT8": "TYPE_UINT8", "INT64": "TYPE_INT64", "BYTES": "TYPE_STRING", "FP32": "TYPE_FP32"}


def triton_config(model: str, latent_size: int) -> str:
    """Return the configuration of ``model``.

    ``max_batch_size: 0`` means that ``dims`` has every axis: with a batch of Triton's own the outputs [B] would come
    out as [B, 1], which is not the contract.
    """
    outputs = ",\n".join(_tensor(output, latent_size) for output in OUTPUTS)
    return (
        f'name: "{model}"\n'
        'backend: "onnxruntime"\n'
        "max_batch_size: 0\n"
        f"input [\n{_tensor(INPUT, latent_size)}\n]\n"
        f"output [\n{outputs}\n]\n"
        "version_policy: { latest { num_versions: 1 } }\n"
    )


def _tensor(tensor: TensorSpec, latent_size: int) -> str:
    dims = ", ".join(str(size) for size in tensor.sizes(latent_size))
    return f'  {{ name: "{tensor.name}" data_type: {_TYPES[tensor.datatype]} dims: [ {dims} ] }}'
