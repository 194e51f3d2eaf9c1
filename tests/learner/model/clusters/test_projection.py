import torch
from sklearn.decomposition import PCA

from learner.model.clusters.projection import fit_projection


def latents(count=60, width=12, seed=0):
    draw = torch.Generator().manual_seed(seed)
    scale = torch.linspace(4, 0.1, width)
    return (torch.randn(count, width, generator=draw) * scale + 5).clamp_min(0)


def test_the_components_are_those_of_sklearns_pca_up_to_their_sign():
    rows = latents()
    pca = PCA(5, svd_solver="full").fit(rows.double().numpy())
    projection = fit_projection(rows, 5)
    torch.testing.assert_close(projection.mean_L, torch.from_numpy(pca.mean_))
    signs = (projection.components_DL * torch.from_numpy(pca.components_)).sum(1).sign()
    torch.testing.assert_close(projection.components_DL * signs[:, None], torch.from_numpy(pca.components_))
    torch.testing.assert_close(
        projection.forward(rows) * signs, torch.from_numpy(pca.transform(rows.double().numpy())), atol=1e-9, rtol=0
    )


def test_the_components_are_orthonormal():
    components = fit_projection(latents(), 6).components_DL
    torch.testing.assert_close(components @ components.T, torch.eye(6, dtype=torch.float64))


def test_there_and_back_with_all_dimensions_is_the_identity():
    rows = latents()
    projection = fit_projection(rows, 12)
    torch.testing.assert_close(projection.backward(projection.forward(rows)), rows.double(), atol=1e-9, rtol=0)


def test_there_and_back_is_in_double_precision():
    projection = fit_projection(latents(), 3)
    assert projection.forward(latents()).dtype == torch.float64
    assert projection.backward(projection.forward(latents())).dtype == torch.float64
