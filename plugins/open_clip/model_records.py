"""The model record of CLIP."""

from __future__ import annotations

import i2i

MODEL = i2i.Model(
    name="clip-vit-b-32",
    summary="CLIP ViT-B/32 trained on LAION-2B: images and English sentences in one space.",
    role="text",
    url="https://huggingface.co/laion/CLIP-ViT-B-32-laion2B-s34B-b79K/resolve/main/open_clip_model.safetensors",
    licence="MIT",
    domain="any",
    resolution=224,
    bytes=605_143_316,
    sha256="ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6",
    bundles=frozenset({"text"}),
    homepage="https://huggingface.co/laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
)
