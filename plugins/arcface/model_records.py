"""The model record of ArcFace."""

from __future__ import annotations

import i2i

MODEL = i2i.Model(
    name="arcface-r50",
    summary="ArcFace identity embeddings, iresnet50 trained on MS1MV3.",
    role="identity",
    url="https://huggingface.co/camenduru/show/resolve/main/models/arcface/ms1mv3_arcface_r50_fp16.pth",
    licence="non-commercial research only (InsightFace)",
    domain="faces",
    resolution=112,
    bytes=174_680_546,
    homepage="https://github.com/deepinsight/insightface/tree/master/recognition/arcface_torch",
)
