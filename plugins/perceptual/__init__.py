"""Plugin module of perceptual distances: LPIPS on AlexNet (built in) and VGG16, VGG16 features, Fréchet distance."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the model records."""
    from .model_records import VGG16

    register(VGG16)


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register the extractors."""
    register(
        "lpips",
        "i2i_plugins.perceptual.lpips_extractor:Lpips",
        summary="Perceptual distance LPIPS 0.1 on AlexNet.",
        role="perceptual",
        domain="any",
        default=True,
        measure="lpips",
        kinds=(),
    )
    register(
        "lpips-vgg",
        "i2i_plugins.perceptual.lpips_extractor:LpipsVgg",
        summary="Perceptual distance LPIPS 0.1 on VGG16, to optimise images with.",
        role="perceptual",
        domain="any",
        default=False,
        measure="lpips",
        kinds=(),
    )
    register(
        "vgg16",
        "i2i_plugins.perceptual.vgg16_extractor:Vgg16",
        summary="Feature maps of VGG16, and the perceptual loss of Image2StyleGAN.",
        role="perceptual",
        domain="any",
        default=False,
        measure="lpips",
        kinds=(),
    )


@i2i.hookimpl
def register_metrics(register: i2i.Register) -> None:
    """Register the metrics."""
    register(
        "frechet",
        "i2i_plugins.perceptual.frechet:Frechet",
        summary="Fréchet distance of outputs and targets on VGG16 relu4_3 (not FID, which uses Inception).",
        better="lower",
        default_for=(),
    )
    register(
        "lpips",
        "i2i_plugins.perceptual.lpips_metric:LpipsMetric",
        summary="Perceptual distance (LPIPS 0.1, AlexNet), mean over images.",
        better="lower",
        default_for=("evaluate",),
    )
    register(
        "lpips-vgg",
        "i2i_plugins.perceptual.lpips_metric:LpipsVggMetric",
        summary="Perceptual distance (LPIPS 0.1, VGG16), mean over images.",
        better="lower",
        default_for=(),
    )
