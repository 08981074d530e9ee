"""The published weights of MobileStyleGAN: where they come from, and under which licence; torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from torch import Tensor

LICENCE = (
    "Apache-2.0 (package random-face); its teacher, StyleGAN2-FFHQ, is under the NVIDIA Source Code License "
    "(non-commercial)"
)
TRAINING_DATA = (
    "Images of StyleGAN2-FFHQ, its teacher, which was trained on FFHQ: 70,000 photos of faces from Flickr, whose bias "
    "it inherits. Light skin, adults and smiles are frequent; dark skin, old people, strong make-up, head coverings "
    "and large head turns are rare, so expect worse samples and inversions of these."
)
"""Whom the data favour."""
_DATA = "random_face/data"


def _convert(files: Mapping[str, Path]) -> Mapping[str, Tensor]:
    from .generator import convert_published

    return convert_published(files)


MOBILE_FFHQ = i2i.Model(
    name="mobile-ffhq",
    summary="MobileStyleGAN: faces, aligned (a student of StyleGAN2-FFHQ), fast on a CPU.",
    role="generator",
    url="",
    licence=LICENCE,
    training_data=TRAINING_DATA,
    domain="faces",
    resolution=1024,
    bytes=40_441_356,
    sha256="7ac9e8bccbcaebceb996986bfeaaa621b77227ec220a91c1832ac5a6fa66b9c8",
    homepage="https://github.com/bes-dev/random_face",
    sources=(
        i2i.WheelSource(
            "random-face==2021.7.21.1",
            sha256="e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
            members={
                f"{_DATA}/MappingNetwork.xml": "73e2096cad6e696e4af47df2477e048ab4c42c0e0dec83c7c66604822689e55b",
                f"{_DATA}/MappingNetwork.bin": "212dd716bdb556e18db603ea97300d4fa3c872b878c726b2402fea80820e7305",
                f"{_DATA}/SynthesisNetwork.xml": "7918fce515243954d3e06628cb39a23902d6b1d5d02932cc0c2faee7a2aeeedd",
                f"{_DATA}/SynthesisNetwork.bin": "c7da15fa22d508c82e1c30dd6b4cdf67fe3ccdddaf85b310ee764dbf0c289645",
            },
            bytes=37_588_926,
        ),
    ),
    convert=_convert,
    bundles=frozenset({"faces"}),
)
"""The record ``mobile-ffhq``."""
