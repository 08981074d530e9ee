"""The published StyleGANs: what each was trained on, where its file is, and under which licence.

A name is the publisher's name of the set with the resolution: ``ffhq-1024``. Plain names are StyleGAN2;
``stylegan3-t-`` and ``stylegan3-r-`` come before those of StyleGAN3, ``ada-`` before the first release of
StyleGAN2-ADA, and ``self-distilled-`` before those trained on images of the open web (Mokady et al. 2022).

A size stands here where one who fetched the file published it, a sum where several did and agree.
"""

from __future__ import annotations

from dataclasses import replace

import i2i

_NGC = "https://api.ngc.nvidia.com/v2/models/nvidia/research"
_CDN = "https://nvlabs-fi-cdn.nvidia.com"
_DISTILLED = "https://storage.googleapis.com/self-distilled-stylegan"

_NVIDIA = "NVIDIA Source Code License (non-commercial)"

_SETS = {  # set: what it knows, what its images show
    "ffhq": ("faces", "faces, aligned (FFHQ)"),
    "ffhqu": ("faces", "faces, not aligned (FFHQ-U)"),
    "celebahq": ("faces", "faces of celebrities, aligned (CelebA-HQ)"),
    "metfaces": ("paintings", "faces in works of art, aligned (MetFaces)"),
    "metfacesu": ("paintings", "faces in works of art, not aligned (MetFaces-U)"),
    "afhqcat": ("cats", "faces of cats (AFHQ)"),
    "afhqdog": ("dogs", "faces of dogs (AFHQ)"),
    "afhqwild": ("wild animals", "faces of wild animals (AFHQ)"),
    "afhqv2": ("animals", "faces of cats, dogs and wild animals (AFHQ v2)"),
    "lsundog": ("dogs", "dogs (LSUN Dog)"),
    "car": ("cars", "cars, 512 x 384 (LSUN Car)"),
    "cat": ("cats", "cats (LSUN Cat)"),
    "church": ("churches", "churches from outside (LSUN Church)"),
    "horse": ("horses", "horses, often with riders (LSUN Horse)"),
    "brecahad": ("tissue", "breast cancer tissue under the microscope (BreCaHAD)"),
    "cifar10": ("objects", "ten classes of animals and vehicles, class-conditional (CIFAR-10)"),
}

_ASPECT_RATIOS = {"car": (4, 3)}  # set: width and height of its images, which fill their squares elsewhere

_SIZES = {  # bytes
    "ffhq-1024": 381_601_496,
    "stylegan3-t-ffhq-1024": 294_775_112,
    "ada-ffhq-1024": 381_624_121,
    "ada-afhqwild-512": 363_959_591,
}


def _model(prefix: str, method: str, what: str, resolution: int, url: str, homepage: str) -> i2i.Model:
    domain, shows = _SETS[what]
    name = f"{prefix}{what}-{resolution}"
    return i2i.Model(
        name=name,
        summary=f"{method}: {shows}.",
        role="generator",
        url=url,
        licence=_NVIDIA,
        domain=domain,
        resolution=resolution,
        aspect_ratio=_ASPECT_RATIOS.get(what, (1, 1)),
        bytes=_SIZES.get(name),
        homepage=homepage,
    )


def _stylegan2(what: str, resolution: int) -> i2i.Model:
    """As NVIDIA released it again with StyleGAN3, for PyTorch."""
    url = f"{_NGC}/stylegan2/versions/1/files/stylegan2-{what}-{resolution}x{resolution}.pkl"
    return _model("", "StyleGAN2", what, resolution, url, "https://github.com/NVlabs/stylegan3")


def _stylegan3(config: str, what: str, resolution: int) -> i2i.Model:
    """Config T is equivariant to translation, R to rotation too."""
    url = f"{_NGC}/stylegan3/versions/1/files/stylegan3-{config}-{what}-{resolution}x{resolution}.pkl"
    method = f"StyleGAN3-{config.upper()}"
    return _model(f"stylegan3-{config}-", method, what, resolution, url, "https://github.com/NVlabs/stylegan3")


def _config_f(what: str, resolution: int) -> i2i.Model:
    """The first release of StyleGAN2, made with TensorFlow; these were never released for PyTorch."""
    url = f"{_CDN}/stylegan2/networks/stylegan2-{what}-config-f.pkl"
    return _model("", "StyleGAN2", what, resolution, url, "https://github.com/NVlabs/stylegan2")


def _ada(what: str, resolution: int) -> i2i.Model:
    url = f"{_CDN}/stylegan2-ada-pytorch/pretrained/{what}.pkl"
    homepage = "https://github.com/NVlabs/stylegan2-ada-pytorch"
    return _model("ada-", "StyleGAN2-ADA, first release", what, resolution, url, homepage)


def _self_distilled(what: str, resolution: int) -> i2i.Model:
    return i2i.Model(
        name=f"self-distilled-{what}-{resolution}",
        summary=f"StyleGAN2: {what} in any pose, from images of the open web (Self-Distilled StyleGAN).",
        role="generator",
        url=f"{_DISTILLED}/{what}_{resolution}_pytorch.pkl",
        licence="Apache-2.0",
        domain=what,
        resolution=resolution,
        homepage="https://github.com/self-distilled-stylegan/self-distilled-internet-photos",
    )


MODELS: tuple[i2i.Model, ...] = (
    _stylegan2("ffhq", 1024),
    _stylegan2("ffhq", 512),
    _stylegan2("ffhq", 256),
    _stylegan2("ffhqu", 1024),
    _stylegan2("ffhqu", 256),
    _stylegan2("celebahq", 256),
    _stylegan2("metfaces", 1024),
    _stylegan2("metfacesu", 1024),
    _stylegan2("afhqcat", 512),
    _stylegan2("afhqdog", 512),
    _stylegan2("afhqwild", 512),
    _stylegan2("afhqv2", 512),
    _stylegan2("lsundog", 256),
    _stylegan2("brecahad", 512),
    _stylegan2("cifar10", 32),
    _config_f("car", 512),
    _config_f("cat", 256),
    _config_f("church", 256),
    _config_f("horse", 256),
    *(
        _stylegan3(config, what, resolution)
        for config in ("t", "r")
        for what, resolution in (
            ("ffhq", 1024),
            ("ffhqu", 1024),
            ("ffhqu", 256),
            ("metfaces", 1024),
            ("metfacesu", 1024),
            ("afhqv2", 512),
        )
    ),
    replace(_ada("ffhq", 1024), sha256="a205a346e86a9ddaae702e118097d014b7b8bd719491396a162cca438f2f524c"),
    _ada("metfaces", 1024),
    _ada("afhqcat", 512),
    _ada("afhqdog", 512),
    _ada("afhqwild", 512),
    _ada("brecahad", 512),
    _ada("cifar10", 32),
    _self_distilled("dogs", 1024),
    _self_distilled("lions", 512),
    _self_distilled("elephants", 512),
    _self_distilled("giraffes", 512),
    _self_distilled("parrots", 512),
    _self_distilled("horses", 256),
    _self_distilled("bicycles", 256),
)
"""Records of generators, torch-free."""
