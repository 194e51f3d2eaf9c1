"""How large the teachers are and how long they learn."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True)
class Warp:
    """Standard deviations of the augmentation; lengths are shares of half the image's side.

    Parameters
    ----------
    stretch
        Of the logarithm of each axis's scale, and of the shear.
    flip
        Whether a mirrored picture keeps its class.
    """

    turn_degrees: float
    stretch: float
    shift: float
    bend: float
    flip: bool = False


@dataclass(frozen=True)
class Recipe:
    """Sizes and steps of a pair of teachers; one seed and one recipe make one pair.

    Parameters
    ----------
    clip_width, clip_layers
        Of the image tower, a ResNet as CLIP's; [blocks] for each of its four stages.
    autoencoder_widths
        Channels at each resolution, each half the one before: four of them shrink a side 8 times.
    denoiser_widths
        The U-Net's channels at each resolution of the latents.
    clip_warp, generator_warp
        The labeller's pictures are not turned: following a turn is left to the learner.
    """

    clip_steps: int = 500
    clip_batch: int = 128
    clip_width: int = 16
    clip_layers: tuple[int, int, int, int] = (1, 1, 1, 1)
    clip_dimensions: int = 64
    text_width: int = 64
    text_layers: int = 2
    autoencoder_steps: int = 400
    autoencoder_batch: int = 64
    autoencoder_widths: tuple[int, ...] = (8, 16, 32, 32)
    denoiser_steps: int = 1000
    denoiser_batch: int = 64
    denoiser_widths: tuple[int, ...] = (64, 80)
    denoiser_blocks: int = 1
    bank_rounds: int = 24
    """Each picture is augmented so often; the denoiser learns from the latents of these."""
    clip_warp: Warp = Warp(turn_degrees=0.0, stretch=0.05, shift=0.06, bend=0.03)
    generator_warp: Warp = Warp(turn_degrees=6.0, stretch=0.07, shift=0.06, bend=0.05)

    def hurried(self, share: float) -> Self:
        """Return the recipe with ``share`` of its steps, one at least."""
        steps = {f"{part}_steps": max(1, round(share * getattr(self, f"{part}_steps"))) for part in _PARTS}
        return replace(self, **steps)

    def flags(self) -> str:
        """Return the flags of `r2r teachers train` for it; empty for ``small`` as it is.

        Examples
        --------
        >>> RECIPES["large"].hurried(0.2).flags(), RECIPES["small"].flags()
        (' --recipe large --share 0.2', '')
        """
        for name, whole in RECIPES.items():
            share = self.denoiser_steps / whole.denoiser_steps
            if self == whole.hurried(share):
                return (f" --recipe {name}" if name != "small" else "") + (f" --share {share:g}" if share != 1 else "")
        return ""


_PARTS = ("clip", "autoencoder", "denoiser")

RECIPES = {
    "small": Recipe(),
    "large": Recipe(
        clip_steps=3000,
        clip_batch=512,
        clip_width=48,
        clip_layers=(2, 2, 2, 2),
        clip_dimensions=256,
        text_width=128,
        autoencoder_steps=3000,
        autoencoder_batch=256,
        autoencoder_widths=(64, 96, 128),
        denoiser_steps=8000,
        denoiser_batch=512,
        denoiser_widths=(128, 192, 256),
        denoiser_blocks=2,
        bank_rounds=4,
        clip_warp=Warp(turn_degrees=3.0, stretch=0.1, shift=0.1, bend=0.0, flip=True),
        generator_warp=Warp(turn_degrees=0.0, stretch=0.05, shift=0.05, bend=0.0, flip=True),
    ),
}
"""``small`` suits digits and two CPU cores, ``large`` colour pictures and a GPU."""
