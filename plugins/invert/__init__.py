"""Find the latents of photos: by an encoder, by optimisation, by both, and by tuning the generator."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_editors(register: i2i.Register) -> None:
    """Register the editor ``invert``."""
    register(
        "invert",
        "i2i_plugins.invert.editor:Invert",
        summary="Find the latents of photos: by an encoder, by optimisation, or by tuning the generator.",
        wants="crops",
        photos=("image+",),
        default=False,
        Options="i2i_plugins.invert.options:InvertOptions",
    )


@i2i.hookimpl
def register_inverters(register: i2i.Register) -> None:
    """Register the seven inverters."""
    module, options = "i2i_plugins.invert.inverters", "i2i_plugins.invert.options"
    register(
        "encoder",
        f"{module}:EncoderInverter",
        summary="One pass of an encoder network; fast, and less accurate.",
        default=False,
        faithful=False,
        Options=f"{options}:EncoderOptions",
    )
    register(
        "hybrid",
        f"{module}:Hybrid",
        summary="Optimises w+ from an encoder's latent, or from the mean where no encoder fits.",
        default=True,
        faithful=False,
        Options=f"{options}:LpipsOptions",
    )
    register(
        "image2stylegan",
        f"{module}:Image2StyleGAN",
        summary="Optimises w+ with VGG16 features (Abdal et al. 2019); slow.",
        default=False,
        faithful=False,
        Options=f"{options}:OptimizerOptions",
    )
    register(
        "lpips",
        f"{module}:MixedLoss",
        summary="Optimises w+ and noise maps by squared error and LPIPS; needs no download.",
        default=False,
        faithful=False,
        Options=f"{options}:LpipsOptions",
    )
    register(
        "projector",
        f"{module}:Projector",
        summary="The projector of StyleGAN2: optimises w and noise maps (Karras et al. 2020).",
        default=False,
        faithful=False,
        Options=f"{options}:LpipsOptions",
    )
    register(
        "hybrid-pti",
        f"{module}:HybridPivotalTuning",
        summary="Tunes the generator's weights around the latent of hybrid; the most accurate.",
        default=False,
        faithful=True,
        requires="i2i:StyleGenerator",
        Options=f"{options}:TuningOptions",
    )
    register(
        "pti",
        f"{module}:PivotalTuning",
        summary="Tunes the generator's weights around the latent of the projector in w (Roich et al. 2021); slow.",
        default=False,
        faithful=False,
        requires="i2i:StyleGenerator",
        Options=f"{options}:TuningOptions",
    )
