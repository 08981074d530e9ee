"""The golden components: the built-in generator, extractors, metrics and synthetic datasets, called directly.

The functions at the end are the only ones that construct plugins; a change of how that is done changes them alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import i2i

from .recording import Image, Latent, Numbers, Scalars, Tolerance
from .workspace import MOBILESTYLEGAN, Workspace

FORWARD = Tolerance(5e-4, 5e-4, 1e-3, "forward passes: only the order of sums differs between processors")
SYNTHETIC = Tolerance(0.01, 1e-3, 1e-3, "rounding to 8 bits may change single pixels by 1 of 255")
DOWNLOADED = {
    "arcface",
    "dlib",
    "dlib-identity",
    "e4e",
    "face-alignment",
    "faceplugin-identity",
    "faceplugin-landmarks",
    "faceplugin-pose",
    "open-clip",
    "trained-encoder",
}
"""Extractors whose weights are not in the package; parity tests hold their networks."""
VGG16 = {"lpips-vgg", "vgg16", "frechet"}
"""Extractors and metrics that are computed with a VGG16 of random weights."""
FOREIGN = {"golden-finder"}
"""The extractor of the golden tests themselves."""


@dataclass(frozen=True)
class ComponentCase:
    """One component."""

    run: Callable[[Workspace], dict[str, Any]]
    """Returns results by name."""
    tolerance: Tolerance = FORWARD


def cases(registry: Any) -> dict[str, ComponentCase]:
    """All cases by name: the generator, and one for each extractor, metric and synthetic dataset."""
    found = {"generator demo-faces": ComponentCase(_generator)}
    found["generator mobilestylegan"] = ComponentCase(_mobilestylegan)
    for name, kind in registry.all("extractor").items():
        if name not in DOWNLOADED | FOREIGN:
            role = str(kind.role)
            found[f"extractor {name}"] = ComponentCase(lambda space, n=name, r=role: _extractor(space, n, r))
    for name in registry.all("metric"):
        found[f"metric {name}"] = ComponentCase(lambda space, n=name: _metric(space, n))
    for name, kind in registry.all("dataset").items():
        if kind.drawn:
            found[f"dataset {name}"] = ComponentCase(lambda space, n=name: _dataset(space, n), SYNTHETIC)
    return found


def observe(case: ComponentCase, workspace: Workspace) -> dict[str, Any]:
    """The results of a component by name, for ``recording.summarise``."""
    with torch.no_grad():
        return case.run(workspace)


def _z(seed: int, size: int) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).randn(1, size)).float()


def _generator(workspace: Workspace) -> dict[str, Any]:
    generator = i2i.generator("demo-faces", device="cpu", registry=workspace.registry)
    found: dict[str, Any] = {"w_mean": Numbers(generator.w_mean), "w_std": Scalars({"w_std": float(generator.w_std)})}
    for seed in (0, 1):
        z = _z(seed, generator.z_dim)
        w = generator.map(z, truncation=0.7)
        found |= {
            f"seed {seed} map": Latent(w),
            f"seed {seed} map cutoff": Latent(generator.map(z, truncation=0.5, cutoff=4)),
            f"seed {seed} render": Image(generator.render(w)),
            f"seed {seed} render without noise": Image(generator.render(w, noise="none")),
            f"seed {seed} features 16": Numbers(generator.features(w, 16)),
            f"seed {seed} features 64": Numbers(generator.features(w, 64)),
        }
    maps = generator.noise_maps
    styles = generator.style_space(generator.map(_z(0, generator.z_dim)))
    found |= {f"noise {name}": Numbers(each) for name, each in maps.items()}
    found |= {f"style {name}": Numbers(each) for name, each in styles.items()}
    return found


def _mobilestylegan(workspace: Workspace) -> dict[str, Any]:
    """A small one with random weights, of 64 px."""
    generator = i2i.generator(MOBILESTYLEGAN, device="cpu", registry=workspace.registry)
    assert isinstance(generator, i2i.StyleGenerator)
    found: dict[str, Any] = {"w_mean": Numbers(generator.w_mean), "w_std": Scalars({"w_std": float(generator.w_std)})}
    w = generator.map(_z(0, generator.z_dim), truncation=0.7)
    found |= {"map": Latent(w), "published layers": Latent(generator.to_published_layers(w))}
    found |= {"render": Image(generator.render(w)), "render without noise": Image(generator.render(w, noise="none"))}
    found |= {f"features {resolution}": Numbers(generator.features(w, resolution)) for resolution in (4, 16, 32)}
    found |= {f"noise {name}": Numbers(each) for name, each in generator.noise_maps.items()}
    return found | {f"style {name}": Numbers(each) for name, each in generator.style_space(w).items()}


def _images(workspace: Workspace) -> tuple[torch.Tensor, torch.Tensor]:
    """Two rendered faces, each ``(1, 3, 64, 64)`` in [-1, 1]."""
    generator = i2i.generator("demo-faces", device="cpu", registry=workspace.registry)
    one, other = (generator.render(generator.map(_z(seed, generator.z_dim), truncation=0.7)) for seed in (0, 1))
    return one.clamp(-1, 1), other.clamp(-1, 1)


def _extractor(workspace: Workspace, name: str, role: str) -> dict[str, Any]:
    if name in VGG16:
        workspace.place_vgg16()
    extractor: Any = i2i.extractor(name, device="cpu", registry=workspace.registry)
    one, other = _images(workspace)
    if role == "perceptual":
        found = {"distance": Numbers(extractor.distance(one, other))}
        features = extractor.features(one)
        values = features.values() if isinstance(features, dict) else []
        return found | {f"features {number}": Numbers(each) for number, each in enumerate(values)}
    if role == "text":
        sentences = ["a smiling face", "an old man with glasses", "blue"]
        return {"images": Numbers(extractor.images(one)), "texts": Numbers(extractor.texts(sentences))}
    return {"result": Numbers(extractor(torch.cat([one, other])))}


def _metric(workspace: Workspace, name: str) -> dict[str, Any]:
    if name in VGG16:
        workspace.place_vgg16()
    one, other = _images(workspace)
    metric = make_metric(workspace.registry, name)
    metric.update(torch.cat([one, other]), torch.cat([other, other * 0.9]))
    metric.update(one * 0.5, one)
    return {"value": Scalars({name: float(metric.compute())}), "better": str(metric.better)}


def _dataset(workspace: Workspace, name: str) -> dict[str, Any]:
    return {f"first pair {number}": Image(image) for number, image in enumerate(draw_pair(workspace.registry, name))}


def make_metric(registry: Any, name: str) -> Any:
    """A metric on the CPU."""
    return registry.get("metric", name)(i2i.choose_device("cpu", "fp32"))


def draw_pair(registry: Any, name: str) -> list[np.ndarray]:
    """The fields of one synthetic sample, each uint8 ``(64, 64, 3)``."""
    return list(registry.get("dataset", name)().draw(np.random.default_rng([0, 1]), 64))
