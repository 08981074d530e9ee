"""A small pix2pixHD (Wang et al. 2018): label maps to photos."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

import i2i

from .networks import PatchDiscriminator, ResNetGenerator, initialise, least_squares


class Pix2PixHDOptions(i2i.Options):
    """Options of ``pix2pixhd``."""

    width: int = Field(64, ge=2, le=512, description="Channels of the first layer of the generator")
    blocks: int = Field(9, ge=0, le=32, description="Residual blocks of the generator")
    discriminator_width: int = Field(64, ge=2, le=512, description="Channels of the first layer of a discriminator")
    discriminator_layers: int = Field(3, ge=1, le=6, description="Downsampling layers of a discriminator")
    scales: int = Field(3, ge=1, le=4, description="Discriminators, each at half the resolution of the one before")
    matching: float = Field(10.0, ge=0, description="Weight of the feature matching loss")
    rate: float = Field(2e-4, gt=0, description="Learning rate of Adam")
    beta1: float = Field(0.5, ge=0, lt=1, description="First beta of Adam")


class MultiScaleDiscriminator(nn.Module):
    """PatchGANs that see the image at full, half, a quarter ... of its resolution."""

    def __init__(self, inputs: int, width: int, layers: int, scales: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(inputs, width, layers) for _ in range(scales))

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        """Return for each scale the output of each layer; the last one of a scale is its logits."""
        outputs = []
        for number, discriminator in enumerate(self.scales):
            if number:
                x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
            outputs.append(discriminator(x))
        return outputs


class Pix2PixHD(i2i.Trainer):
    """Networks ``generator`` and ``discriminator``; the label map is one-hot, a plane for each class of the dataset."""

    name = "pix2pixhd"
    summary = "Label maps to photos, with multi-scale discriminators (Wang et al. 2018)."
    wants = (i2i.Field("labels", "labels"), i2i.Field("photo"))
    Options = Pix2PixHDOptions

    def __init__(self, options: Pix2PixHDOptions, device: i2i.Device) -> None:
        self.options, self.device = options, device
        self.classes = len(self.data.classes) or self.data.input_channels
        if not self.classes:
            raise i2i.UsageError("pix2pixhd needs a dataset that names its classes; choose another with --dataset.")
        photo = self.data.target_channels
        self.generator = device.place(initialise(ResNetGenerator(self.classes, photo, options.width, options.blocks)))
        self.discriminator = device.place(
            initialise(
                MultiScaleDiscriminator(
                    self.classes + photo, options.discriminator_width, options.discriminator_layers, options.scales
                )
            )
        )
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.multiple = ResNetGenerator.multiple
        self.optimizers = {
            name: device.adam(network.parameters(), options.rate, (options.beta1, 0.999))
            for name, network in self.networks.items()
        }

    def one_hot(self, labels: Tensor) -> Tensor:
        """Return a plane for each class, ``(N, classes, H, W)``; pixels of no class (255) are 0 in all of them.

        Args:
            labels: int64 ``(N, H, W)``.
        """
        known = labels < self.classes
        planes = F.one_hot(labels * known, self.classes).permute(0, 3, 1, 2)
        return (planes * known[:, None]).float()

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Update the generator against the current discriminators, then the discriminators."""
        parts = self.device.parts(batch)
        losses: dict[str, Tensor] = {}

        def learn(loss: Tensor, **terms: Tensor) -> None:
            self.device.backward(loss, 1 / len(parts))
            for name, term in terms.items():
                losses[name] = losses.get(name, 0) + term.detach() / len(parts)

        fakes = []
        self.discriminator.requires_grad_(False)
        for part in parts:
            labels, photo = self.one_hot(part["labels"]), part["photo"]
            with self.device.autocast():
                fake = self.generator(labels)
                on_fake, on_real = self._judge(labels, fake), self._judge(labels, photo)
            adversarial = sum((least_squares(layers[-1], True) for layers in on_fake), photo.new_zeros(()))
            matching = feature_matching(on_fake, on_real)
            learn(adversarial + self.options.matching * matching, g_adversarial=adversarial, g_matching=matching)
            fakes.append(fake.detach())
        self.discriminator.requires_grad_(True)
        self.device.update(self.optimizers["generator"])

        for part, fake in zip(parts, fakes, strict=True):
            labels, photo = self.one_hot(part["labels"]), part["photo"]
            with self.device.autocast():
                on_fake, on_real = self._judge(labels, fake), self._judge(labels, photo)
            real = sum((least_squares(layers[-1], True) for layers in on_real), photo.new_zeros(()))
            made = sum((least_squares(layers[-1], False) for layers in on_fake), photo.new_zeros(()))
            learn((real + made) / 2, d_real=real, d_fake=made)
        self.device.update(self.optimizers["discriminator"])
        return losses

    def sample(self, batch: dict[str, Tensor]) -> Tensor:
        """Make the photos of label maps."""
        with torch.no_grad(), self.device.autocast():
            photos: Tensor = self.generator(self.one_hot(batch["labels"]))
        return photos.float()

    def validate(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """Measure the mean absolute distance of generated and real photos, in [0, 1]."""
        return {"l1": float((self.sample(batch) - batch["photo"]).abs().mean() / 2)}

    def _judge(self, labels: Tensor, photo: Tensor) -> list[list[Tensor]]:
        outputs: list[list[Tensor]] = self.discriminator(torch.cat([labels, photo], dim=1))
        return outputs


def feature_matching(fake: list[list[Tensor]], real: list[list[Tensor]]) -> Tensor:
    """Return the L1 distance of the discriminators' features of generated and real images.

    It is the mean over the layers of a scale, logits left out, and the mean over the scales.
    """
    distances = [
        torch.stack(
            [(a.float() - b.float().detach()).abs().mean() for a, b in zip(ours, theirs, strict=True)][:-1]
        ).mean()
        for ours, theirs in zip(fake, real, strict=True)
    ]
    return torch.stack(distances).mean()
