"""How far generated images are from real ones of the same cluster: a number that a rehearsal ratio can follow.

Axes: N images, E exemplars, D dimensions of the embedding.
"""

from math import sqrt

from replay.judge.sample_filter import LEAST_SPREAD, spread_of
from replay.label.label import Embeddings


def synthetic_gap(generated_ND: Embeddings, exemplars_ED: Embeddings) -> float:
    """Return the distance between the means of generated and real images, in standard deviations; 0 is no gap.

    With s for a sample's variance, summed over the dimensions, which for embeddings of length 1 is their mean distance
    from each other (1 − cosine), it is sqrt(max(0, |μ_g − μ_e|² − s_g/N − s_e/E) / ((s_g + s_e)/2)); the
    divisor is 0.02 at least.

    What few images scatter by chance is subtracted: of 50 real digits of a class and 5 others, drawn at random, it is
    0.13 on the mean and below 0.6 in 95 of 100 draws. Of all real digits of a class and the 5 most typical ones, which
    scatter less, it is 0.2 to 0.6; of two classes 1.3 to 3.4.

    Parameters
    ----------
    generated_ND, exemplars_ED
        float32, of length 1 each; at least one of either. One image alone is taken to scatter like the others.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[1, 0], [0.8, 0.6], [0.8, -0.6]], np.float32)
    >>> synthetic_gap(points, points)
    0.0
    >>> round(synthetic_gap(points, points[:, ::-1]), 1)
    1.8
    """
    alone = len(generated_ND) == 1, len(exemplars_ED) == 1
    generated, real = spread_of(generated_ND), spread_of(exemplars_ED)
    generated, real = (real if alone[0] else generated), (generated if alone[1] else real)
    between = generated_ND.mean(axis=0) - exemplars_ED.mean(axis=0)
    beyond_chance = float(between @ between) - generated / len(generated_ND) - real / len(exemplars_ED)
    return sqrt(max(0.0, beyond_chance) / max((generated + real) / 2, LEAST_SPREAD))
