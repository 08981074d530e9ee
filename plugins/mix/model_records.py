"""Published directions by name: those of the e4e repository, with the latent space to which they belong."""

from __future__ import annotations

from dataclasses import dataclass

import i2i

ROLE = "direction"
"""Role of the records of direction files."""
_REPOSITORY = "https://raw.githubusercontent.com/omertov/encoder4editing/main/editings"
_HOMEPAGE = "https://github.com/omertov/encoder4editing"


@dataclass(frozen=True)
class PublishedSpace:
    """A space W, recognised by its mean: networks that were trained separately have different means."""

    name: str
    """Name for messages."""
    mean: tuple[float, ...]
    """The first coordinates of the mean of all w."""


FFHQ = PublishedSpace(
    "W of StyleGAN2 FFHQ 1024 px",
    (0.0889, 0.0373, 0.1874, -0.0681, -0.1402, 0.0213, -0.0701, -0.0781, 0.1668, -0.1143, 0.2352, 0.0112),
)
"""Generators with the mapping network of NVIDIA's ``stylegan2-ffhq-config-f``, also MobileStyleGAN."""


def _record(name: str, summary: str, path: str, size: int, sha256: str, domain: str = "faces") -> i2i.Model:
    return i2i.Model(
        name=name,
        summary=summary,
        role=ROLE,
        url=f"{_REPOSITORY}/{path}",
        licence="MIT",
        domain=domain,
        bytes=size,
        sha256=sha256,
        homepage=_HOMEPAGE,
        bundles=frozenset({"faces"} if domain == "faces" else ()),
    )


def _interfacegan(name: str, size: int, sha256: str) -> i2i.Model:
    summary = f"Direction of {name} in {FFHQ.name} (InterFaceGAN, from e4e)."
    return _record(name, summary, f"interfacegan_directions/{name}.pt", size, sha256)


MODELS = (
    _interfacegan("smile", 2808, "817a7e732b59dee9eba862bec8bd7e8373568443bc9f9731a21cf9b0356f0653"),
    _interfacegan("age", 2808, "50074516b1629707d89b5e43d6b8abd1792212fa3b961a87a11323d6a5222ae0"),
    _interfacegan("pose", 37624, "736e0eacc8488fa0b020a2e7bd256b957284c364191dfea693705e5d06d43e7d"),
    _record(
        "ganspace-ffhq",
        f"80 principal components of {FFHQ.name} (GANSpace, from e4e).",
        "ganspace_pca/ffhq_pca.pt",
        167562,
        "4d7f9df1c96180d9026b9cb8d04753579fbf385f321a9d0e263641601c5e5d36",
    ),
    _record(
        "ganspace-cars",
        "80 principal components of W of StyleGAN2 cars 512 px (GANSpace, from e4e).",
        "ganspace_pca/cars_pca.pt",
        167562,
        "a5c3bae61ecd85de077fbbf103f5f30cf4b7676fe23a8508166eaf2ce73c8392",
        "cars",
    ),
)
"""The records, whose files hold directions of W."""
SPACES = {model.sha256: FFHQ for model in MODELS if model.domain == "faces"}
"""Latent spaces by the sha256 of direction files; files of components have a mean of their own."""
