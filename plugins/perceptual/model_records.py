"""The model record of VGG16, which is downloaded."""

from __future__ import annotations

import i2i

VGG16 = i2i.Model(
    name="vgg16",
    summary="VGG16 trained on ImageNet, used by LPIPS-VGG, the loss of Image2StyleGAN and the metric frechet.",
    role="perceptual",
    url="https://download.pytorch.org/models/vgg16-397923af.pth",
    licence="BSD-3-Clause; trained on ImageNet, whose images are for non-commercial research",
    domain="any",
    bytes=553_433_881,
    sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    bundles=frozenset({"text"}),
    homepage="https://docs.pytorch.org/vision/stable/models/vgg.html",
)
"""Torchvision's file. Only its convolutions, a tenth of it, are read: a safetensors file of those does as well."""
