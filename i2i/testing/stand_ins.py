"""Stand-ins for tests: a small generator, extractors of each standard role, a trainer and a dataset of pairs.

The module is a plugin that is not installed. It imports ``i2i`` alone, so that a run of its trainer can be opened by
anybody: the run records the path of this file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import i2i

if TYPE_CHECKING:
    from i2i import Device, Weights

CHANNELS = 8


class TinyGenerator(i2i.StyleGenerator):
    """A StyleGAN of one layer for each resolution, with fixed random weights; needs no file.

    Its images have 32 x 32 pixels. Layer k of w+ drives the convolution at 4 * 2**k px, the last the colours.
    """

    name = "tiny"
    summary = "A small StyleGAN with random weights, for tests."
    z_dim = w_dim = 8
    resolution = 32
    num_ws = 5

    def __init__(self, weights: Weights | None, device: Device) -> None:
        self.device = device
        self._tensors = {name: tensor.to(device) for name, tensor in _random_weights(self.resolution).items()}
        self._noise = {
            f"layer{size}": torch.randn(1, 1, size, size, generator=_seeded(size)).to(device) for size in self._sizes
        }

    @property
    def _sizes(self) -> list[int]:
        return [4 * 2**level for level in range(int(math.log2(self.resolution)) - 1)]

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        """Map z linearly; see ``i2i.Generator.map``."""
        offset = (z.to(self.w_mean) @ self._tensors["mapping.weight"])[:, None].repeat(1, self.num_ws, 1)
        offset[:, :cutoff] *= truncation
        return self.w_mean + offset

    @property
    def w_mean(self) -> Tensor:
        """The mean of w, ``(8,)``."""
        return self._tensors["mapping.bias"]

    @cached_property
    def w_std(self) -> float:  # type: ignore[override]
        """The root of the mean squared distance of w from its mean."""
        return float(self._tensors["mapping.weight"].norm())

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        """Render ``w (N, 5, 8)`` to ``(N, 3, 32, 32)``."""
        return self._colours(self._features(w, self.resolution, noise), w)

    def features(self, w: Tensor, resolution: int) -> Tensor:
        """Compute feature maps ``(N, 8, resolution, resolution)``."""
        if resolution not in self._sizes:
            raise i2i.UsageError(f"The generator has no layer of {resolution} px; use one of {self._sizes}.")
        return self._features(w, resolution, "const")

    def _features(self, w: Tensor, resolution: int, noise: Any) -> Tensor:
        styles = self.style_space(w.to(self.device, torch.float32))
        x = self._tensors["const"].expand(len(w), -1, -1, -1)
        for size in self._sizes[: self._sizes.index(resolution) + 1]:
            if size > 4:
                x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            style = styles[f"layer{size}.affine.bias"]
            x = F.conv2d(x * style[:, :, None, None], self._tensors[f"layer{size}.weight"], padding=1)
            x = F.leaky_relu(x + 0.05 * self._noise_map(f"layer{size}", noise, x), 0.2)
        return x

    def _noise_map(self, name: str, noise: Any, like: Tensor) -> Tensor:
        if isinstance(noise, Mapping):
            return noise.get(name, self._noise[name])  # type: ignore[no-any-return]
        if noise == "random":
            return torch.randn(len(like), 1, *like.shape[2:], device=like.device)
        return self._noise[name] if noise == "const" else torch.zeros_like(self._noise[name])

    def _colours(self, x: Tensor, w: Tensor) -> Tensor:
        style = w[:, -1].to(self.device, torch.float32) @ self._tensors["colour.affine.weight"].T + 1
        return torch.einsum("nchw,nc,kc->nkhw", x, style, self._tensors["colour.weight"])

    @property
    def noise_maps(self) -> dict[str, Tensor]:
        """Copies of the noise maps by name."""
        return {name: plane.clone() for name, plane in self._noise.items()}

    def weights(self) -> dict[str, Tensor]:
        """Return all weights of the synthesis network."""
        return {name: tensor for name, tensor in self._tensors.items() if not name.startswith("mapping")}

    def tuned(
        self, changes: Mapping[str, Tensor] | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> TinyGenerator:
        """Copy the generator with changed weights and noise maps."""
        unknown = [name for name in changes or {} if name not in self.weights()]
        unknown += [name for name in noise or {} if name not in self._noise]
        if unknown:
            raise i2i.I2IError(f"The generator has no weight or noise map {unknown[0]!r}.")
        tuned = type(self)(None, self.device)
        tuned._tensors = {name: tensor.clone() for name, tensor in self._tensors.items()}
        for name, change in (changes or {}).items():
            tuned._tensors[name] = tuned._tensors[name] + change.to(self.device)
        tuned._noise = self._noise | {name: plane.to(self.device) for name, plane in (noise or {}).items()}
        return tuned

    def styles(self) -> Sequence[Tensor]:
        """Return the affine weights ``(8, 8)`` that read each layer of w+."""
        names = [*(f"layer{size}" for size in self._sizes), "colour"]
        return [self._tensors[f"{name}.affine.weight"] for name in names]

    def style_space(self, w: Tensor) -> dict[str, Tensor]:
        """Compute the styles ``(N, 8)`` of the convolutions."""
        return {
            f"layer{size}.affine.bias": w[:, number] @ self._tensors[f"layer{size}.affine.weight"].T
            + self._tensors[f"layer{size}.affine.bias"]
            for number, size in enumerate(self._sizes)
        }


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _random_weights(resolution: int) -> dict[str, Tensor]:
    """Draw weights whose images have about the range of photos."""
    random = _seeded(0)

    def draw(*shape: int, scale: float) -> Tensor:
        return torch.randn(shape, generator=random) * scale

    tensors = {
        "mapping.weight": draw(8, 8, scale=8**-0.5),
        "mapping.bias": draw(8, scale=0.3),
        "const": draw(1, CHANNELS, 4, 4, scale=1.0),
    }
    for level in range(int(math.log2(resolution)) - 1):
        name = f"layer{4 * 2**level}"
        tensors |= {
            f"{name}.weight": draw(CHANNELS, CHANNELS, 3, 3, scale=(9 * CHANNELS / 2) ** -0.5),
            f"{name}.affine.weight": draw(CHANNELS, 8, scale=0.15),
            f"{name}.affine.bias": torch.ones(CHANNELS),
        }
    return tensors | {
        "colour.weight": draw(3, CHANNELS, scale=0.3),
        "colour.affine.weight": draw(CHANNELS, 8, scale=0.1),
    }


class TinyLandmarks(i2i.Extractor):
    """Landmarks of a face in the middle of any image, which follow its mean colours a little."""

    name = "tiny-landmarks"
    summary = "A face in the middle of the image, for tests."
    role = "landmarks"

    def __init__(self, device: Device) -> None:
        self.shape = face_points().to(device)

    def __call__(self, images: Tensor) -> Tensor:
        """Return ``(N, 68, 2)``; gradients pass."""
        size = images.new_tensor([images.shape[3], images.shape[2]])
        return self.shape * size + images.mean(dim=(2, 3))[:, None, :2]

    def find(self, image: Tensor) -> list[i2i.Face]:
        """Return the one face."""
        points = self(image)[0].detach().cpu()
        (x0, y0), (x1, y1) = points.amin(dim=0).tolist(), points.amax(dim=0).tolist()
        return [i2i.Face((x0, y0, x1, y1), points, 1.0)]


def face_points() -> Tensor:
    """Return 68 landmarks ``(68, 2)`` of an upright face, as fractions of the image's width and height."""
    angles = torch.linspace(0, torch.pi, 17)
    ring, inner = (torch.arange(count) * (2 * torch.pi / count) for count in (12, 8))
    eye = torch.tensor([[-0.04, 0], [-0.015, -0.015], [0.015, -0.015], [0.04, 0], [0.015, 0.015], [-0.015, 0.015]])
    return torch.cat(
        [
            torch.stack([0.5 - 0.28 * angles.cos(), 0.45 + 0.36 * angles.sin()], dim=1),
            torch.stack([torch.linspace(0.3, 0.7, 10), torch.full((10,), 0.34)], dim=1),
            torch.stack([torch.full((4,), 0.5), torch.linspace(0.42, 0.55, 4)], dim=1),
            torch.stack([torch.linspace(0.45, 0.55, 5), torch.full((5,), 0.58)], dim=1),
            eye + torch.tensor([0.38, 0.42]),
            eye + torch.tensor([0.62, 0.42]),
            torch.stack([0.5 - 0.1 * ring.cos(), 0.69 - 0.05 * ring.sin()], dim=1),
            torch.stack([0.5 - 0.07 * inner.cos(), 0.69 - 0.02 * inner.sin()], dim=1),
        ]
    )


class _Thumbnail(i2i.Extractor):
    """Base of extractors that reduce an image to 4 x 4 pixels."""

    def __init__(self, device: Device) -> None:
        """Load nothing."""

    def _vectors(self, images: Tensor) -> Tensor:
        return F.normalize(F.adaptive_avg_pool2d(images, 4).flatten(1) + 0.01, dim=1)


class TinyIdentity(_Thumbnail):
    """An embedding of the whole image."""

    name = "tiny-identity"
    summary = "A thumbnail as a unit vector, for tests."
    role = "identity"

    def align(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Return the images as they are."""
        return images

    def __call__(self, images: Tensor) -> Tensor:
        """Return unit vectors ``(N, 48)``."""
        return self._vectors(images)


class TinyPerceptual(_Thumbnail):
    """The mean squared difference of small images."""

    name = "tiny-perceptual"
    summary = "The squared difference of small images, for tests."
    role = "perceptual"

    def distance(self, images: Tensor, others: Tensor) -> Tensor:
        """Return the distances ``(N,)``."""
        return self.compare(self.features(images), self.features(others))

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Return the images at 8 x 8 pixels, as the features of one layer."""
        return {"pixels": F.adaptive_avg_pool2d(images, 8)}

    def compare(self, features: dict[str, Tensor], others: dict[str, Tensor]) -> Tensor:
        """Return the distances ``(N,)``."""
        return (features["pixels"] - others["pixels"]).square().mean(dim=(1, 2, 3))


class TinyText(_Thumbnail):
    """Images and sentences in one space: a sentence is a random vector of its characters."""

    name = "tiny-text"
    summary = "Thumbnails, and random vectors of sentences, for tests."
    role = "text"

    def images(self, images: Tensor) -> Tensor:
        """Return unit vectors ``(N, 48)``."""
        return self._vectors(images)

    def texts(self, sentences: Sequence[str]) -> Tensor:
        """Return unit vectors ``(N, 48)``."""
        vectors = [torch.randn(48, generator=_seeded(sum(map(ord, sentence)))) for sentence in sentences]
        return F.normalize(torch.stack(vectors), dim=1)


class TinyEncoder(_Thumbnail):
    """An encoder for ``TinyGenerator``."""

    name = "tiny-encoder"
    summary = "A linear encoder for the generator 'tiny', for tests."
    role = "encoder"

    def __call__(self, images: Tensor) -> Tensor:
        """Return ``(N, 5, 8)``."""
        return self._vectors(images)[:, None, :8].repeat(1, TinyGenerator.num_ws, 1)


class TinySegmentation(_Thumbnail):
    """Two classes, by brightness."""

    name = "tiny-segmentation"
    summary = "Dark and bright, for tests."
    role = "segmentation"
    classes = ("dark", "bright")

    def __call__(self, images: Tensor) -> Tensor:
        """Return class scores ``(N, 2, H, W)``."""
        brightness = images.mean(dim=1, keepdim=True)
        return torch.cat([-brightness, brightness], dim=1)


class TinyDomain(_Thumbnail):
    """Any image is of its domain, ``any``."""

    name = "tiny-domain"
    summary = "Any image, for tests."
    role = "domain"

    def __call__(self, images: Tensor) -> Tensor:
        """Return ones ``(N,)``."""
        return torch.ones(len(images), device=images.device)


EXTRACTORS = (TinyLandmarks, TinyIdentity, TinyPerceptual, TinyText, TinyEncoder, TinySegmentation, TinyDomain)


class TinyTrainer(i2i.Trainer):
    """One convolution, trained with L1 and Adam."""

    name = "tiny"
    summary = "One convolution, for tests."

    def __init__(self, options: Any, device: Device) -> None:
        self.device = device
        network = device.place(nn.Conv2d(3, 3, 3, padding=1))
        self.networks = {"generator": network}
        self.optimizers = {"generator": device.adam(network.parameters(), 0.01, betas=(0.9, 0.999))}

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Take a step of Adam."""
        loss = (self.networks["generator"](batch["input"]) - batch["target"]).abs().mean()
        self.device.backward(loss)
        self.device.update(self.optimizers["generator"])
        return {"l1": loss.detach()}

    def sample(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the output of the network."""
        with torch.no_grad():
            return self.networks["generator"](batch["input"])  # type: ignore[no-any-return]


class TinyPairs(i2i.Dataset):
    """Synthetic photos and their negatives."""

    name = "tiny-pairs"
    summary = "Synthetic photos and their negatives, for tests."
    licence = "MIT"
    drawn = {"train": 4, "val": 2}

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw a photo and its negative."""
        photo = draw_photo(rng, size)
        return photo, 255 - photo


def draw_photo(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a synthetic photo: a disc with two eyes and a mouth on a gradient; uint8 ``(size, size, 3)`` RGB."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    photo = rng.uniform(60, 200, 3) * (0.5 + 0.5 * x[..., None])
    inside = (x - 0.5) ** 2 / 0.09 + (y - 0.52) ** 2 / 0.14
    photo[inside < 1] = rng.uniform(150, 240, 3)
    for across in (0.38, 0.62):
        photo[np.hypot(x - across, y - 0.42) < 0.05] = rng.uniform(0, 60, 3)
    photo[(abs(x - 0.5) < 0.1) & (abs(y - 0.69) < 0.03)] = rng.uniform((120, 20, 20), (200, 60, 60))
    return np.asarray(photo.clip(0, 255).astype(np.uint8))


@i2i.hookimpl
def register_generators(register: Any) -> None:
    """Register the generator."""
    register(TinyGenerator)


@i2i.hookimpl
def register_extractors(register: Any) -> None:
    """Register an extractor of each standard role."""
    for extractor in EXTRACTORS:
        register(extractor)


@i2i.hookimpl
def register_trainers(register: Any) -> None:
    """Register the trainer."""
    register(TinyTrainer)


@i2i.hookimpl
def register_datasets(register: Any) -> None:
    """Register the dataset."""
    register(TinyPairs)
