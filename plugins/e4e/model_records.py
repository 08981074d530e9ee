"""The encoders that the authors of e4e published, each for one of NVIDIA's or rosinality's StyleGAN2 generators."""

from __future__ import annotations

import i2i

HOMEPAGE = "https://github.com/omertov/encoder4editing#pretrained-models"


def _record(name: str, domain: str, generator: str, url: str) -> i2i.Model:
    return i2i.Model(
        name=name,
        summary=f"e4e encoder: images of {domain} to latents of {generator}.",
        role="encoder",
        url=url,
        licence="MIT; the generator in the file is NVIDIA's, non-commercial",
        domain=domain,
        resolution=256,
        homepage=HOMEPAGE,
    )


FFHQ = _record(
    "e4e-ffhq",
    "faces",
    "StyleGAN2 FFHQ 1024",
    "https://huggingface.co/AIRI-Institute/HairFastGAN/resolve/main/pretrained_models/encoder4editing/e4e_ffhq_encode.pt",
)
MODELS = (
    FFHQ,
    _record("e4e-cars", "cars", "StyleGAN2 cars 512", "https://www.cs.cmu.edu/~SAMInversion/ckpt/e4e_cars_encode.pt"),
    _record("e4e-horses", "horses", "StyleGAN2 horses 256", ""),
    _record("e4e-churches", "churches", "StyleGAN2 churches 256", ""),
)
"""Records without a URL are on Google Drive, which cannot be downloaded by a program; see the home page."""
