"""How good are frozen features? A linear probe and nearest neighbours on the stream's labels, for judging only."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Features = NDArray[np.floating]
Labels = NDArray[np.int64]
_NEIGHBOURS = 10


def linear_probe(stream_ND: Features, stream_labels: Labels, test_ND: Features, test_labels: Labels) -> float:
    """Return the test accuracy of a logistic regression (L2, C = 1, standardised features)."""
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    probe.fit(stream_ND, stream_labels)
    return float(probe.score(test_ND, test_labels))


def nearest_neighbours(stream_ND: Features, stream_labels: Labels, test_ND: Features, test_labels: Labels) -> float:
    """Return the test accuracy of 10 nearest neighbours, Euclidean, unweighted."""
    neighbours = KNeighborsClassifier(_NEIGHBOURS).fit(stream_ND, stream_labels)
    return float(neighbours.score(test_ND, test_labels))
