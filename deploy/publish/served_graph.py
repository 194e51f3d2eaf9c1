"""A learner's state as the module that is served, and its export. Beside the publisher the one importer of `learner`.

Axes: B images, H × W pixels, C = 3 channels, K slots, D latent; 5 = the most probable classes.
"""

import hashlib
import json
import logging
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from deploy.publish.class_table import ClassTable, class_table
from deploy.publish.errors import NoLiveCluster
from deploy.publish.graph_template import TOP_SLOTS, GraphTemplate, Values
from deploy.registry.manifest import GRAPH_CONTRACT
from deploy.registry.served_contract import INPUT, TOP
from deploy.serving.errors import InvalidGraph
from learner.model.contract import Head, live_ids
from learner.state import LearnerState

_LEARNED_OUTPUTS = ("class_id", "probability", "uncertainty", "top_ids", "top_probabilities", "latent")
_EXAMPLE_SHAPE = (2, 40, 48, 3)  # sizes that differ from each other and from 1, which torch would take for fixed


class ServedGraph(nn.Module):
    """The encoder, the model's head and the table of classes; every learned value is a parameter or a buffer.

    Parameters
    ----------
    rule
        What the encoder's preprocessing depends on, beside shapes.
    """

    def __init__(self, encoder: nn.Module, head: Head, table: ClassTable, rule: Sequence[int | str]) -> None:
        super().__init__()
        self.encoder, self.head, self.rule = encoder, head, rule
        self.table = table
        self.register_buffer("membership_KK", torch.from_numpy(table.membership_KK))
        self.register_buffer("class_ids_K", torch.from_numpy(table.ids_K))

    def forward(self, images_BHWC: Tensor) -> tuple[Tensor, ...]:
        """Return the slots of the five most probable classes and the outputs of the contract that are no strings."""
        probability_BK, uncertainty_B, latent_BD = self.head(self.encoder(images_BHWC))
        class_ids_K = self.get_buffer("class_ids_K")
        dead_K = (class_ids_K < 0).to(torch.float32)  # below every live class, also one of probability 0
        ranked_BK = probability_BK @ self.get_buffer("membership_KK") - dead_K
        ranked_B5, slots_B5 = torch.topk(ranked_BK, TOP, dim=1)
        ids_B5 = class_ids_K[slots_B5]
        probability_B5 = ranked_B5.clamp_min(0.0)
        return slots_B5, ids_B5[:, 0], probability_B5[:, 0], uncertainty_B, ids_B5, probability_B5, latent_BD

    @property
    def values(self) -> Values:
        """Every parameter and buffer by name."""
        return {name: value.detach().numpy() for name, value in self.state_dict().items()}

    @property
    def latent_size(self) -> int:
        """D."""
        return self.head.latent_size

    @property
    def structure(self) -> str:
        """Name what an export depends on beside the values: two modules of one structure share a template."""
        shapes = {name: [str(value.dtype), list(value.shape)] for name, value in self.state_dict().items()}
        facts = [GRAPH_CONTRACT, shapes, list(self.rule), str(torch.__version__)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def served_graph(state: LearnerState) -> ServedGraph:
    """Build the module of a learner's state.

    Raises
    ------
    NoLiveCluster
        The learner has made no update yet, or has no cluster.
    """
    model = state.model
    if not model.traits.has_learned or not live_ids(model):
        raise NoLiveCluster
    head, preprocessing = model.served(), model.encoder.preprocessing
    table = class_table(head.cluster_ids, state.names.by_cluster())
    rule = (preprocessing.input_size, preprocessing.aspect)
    return ServedGraph(model.encoder.served(), head, table, rule).eval()


def export_template(served: ServedGraph) -> GraphTemplate:
    """Export the module once; takes seconds.

    Raises
    ------
    InvalidGraph
        The export has folded a learned value into another.
    """
    dynamic = torch.export.Dim.DYNAMIC
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, which nothing here uses
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own making: nobody here can act on them
        program = torch.onnx.export(
            served,
            (torch.zeros(_EXAMPLE_SHAPE, dtype=torch.uint8),),
            dynamo=True,
            dynamic_shapes=({0: dynamic, 1: dynamic, 2: dynamic},),
            input_names=[INPUT.name],
            output_names=[TOP_SLOTS, *_LEARNED_OUTPUTS],
            optimize=False,  # folding would melt learned values together; ONNX Runtime folds when it loads
            verbose=False,
        )
    if program is None:
        cause = "torch exported nothing"
        raise InvalidGraph(cause)
    template = GraphTemplate.of_export(program.model_proto, len(served.table.ids_K), served.latent_size)
    folded = template.missing(name for name, _ in served.named_buffers())
    if folded:
        cause = f"the export folded {', '.join(folded)}"
        raise InvalidGraph(cause)
    return template


def run_module(served: ServedGraph, images: np.ndarray) -> dict[str, np.ndarray]:
    """Answer with PyTorch: the contract's outputs by name, the strings from the table."""
    with torch.inference_mode():
        slots_B5, *outputs = served(torch.from_numpy(images))
    top_names_B5 = np.asarray(served.table.names_K, dtype=object)[slots_B5.numpy()]
    learned = dict(zip(_LEARNED_OUTPUTS, (output.numpy() for output in outputs), strict=True))
    return {**learned, "name": top_names_B5[:, 0], "top_names": top_names_B5}
