"""The trainer of pix2pix (Isola et al. 2017): a conditional PatchGAN loss and an L1 loss."""

from __future__ import annotations

import torch
from torch import Tensor

import i2i

from .external_checkpoints import KINDS
from .losses import adversarial
from .networks import PatchGAN, build_generator, initialise, training_behaviour
from .options import Pix2PixOptions


class Pix2Pix(i2i.Trainer):
    """Trains ``generator`` and ``discriminator`` on pairs: input and target ``(N, C, H, W)`` in [-1, 1]."""

    name = "pix2pix"
    summary = "U-Net and PatchGAN on pairs of images (Isola et al. 2017)."
    Options = Pix2PixOptions
    kinds = KINDS

    def __init__(self, options: Pix2PixOptions, device: i2i.Device) -> None:
        self.options, self.device = options, device
        inputs, outputs = self.data.input_channels, self.data.target_channels
        self.generator = device.place(initialise(build_generator(options, inputs, outputs)))
        self.discriminator = device.place(
            initialise(
                PatchGAN(options.discriminator_layers, options.discriminator_width, options.norm, inputs + outputs)
            )
        )
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.multiple = self.generator.multiple
        betas = (options.beta1, options.beta2)
        self.optimizers = {
            name: device.adam(net.parameters(), options.rate, betas) for name, net in self.networks.items()
        }
        self.adversarial = adversarial(options.gan)

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Update the discriminator on real and generated pairs, then the generator against the new discriminator."""
        micro_batches = self.device.parts(batch)
        weight = 1 / len(micro_batches)
        losses: dict[str, Tensor] = {}

        def record(name: str, loss: Tensor) -> None:
            losses[name] = losses.get(name, 0) + loss.detach() * weight

        # A single micro-batch keeps output and graph for the generator's update; several would need the memory of all.
        output = None
        for micro_batch in micro_batches:
            output = self.generate(micro_batch["input"], gradients=len(micro_batches) == 1)
            fake, real = (self.judge(micro_batch["input"], image) for image in (output.detach(), micro_batch["target"]))
            loss_fake, loss_real = self.adversarial(fake, False), self.adversarial(real, True)
            self.device.backward((loss_fake + loss_real) / 2, weight)
            record("d_fake", loss_fake)
            record("d_real", loss_real)
        self.device.update(self.optimizers["discriminator"])

        self.discriminator.requires_grad_(False)
        for micro_batch in micro_batches:
            if len(micro_batches) > 1 or output is None:
                output = self.generate(micro_batch["input"], gradients=True)
            loss_gan = self.adversarial(self.judge(micro_batch["input"], output), True)
            loss_l1 = (output.float() - micro_batch["target"]).abs().mean()
            self.device.backward(loss_gan + self.options.l1 * loss_l1, weight)
            record("g_gan", loss_gan)
            record("g_l1", loss_l1)
        self.discriminator.requires_grad_(True)
        self.device.update(self.optimizers["generator"])
        return losses

    def generate(self, x: Tensor, gradients: bool) -> Tensor:
        """Run the generator, with or without the graph for a backward pass."""
        with torch.set_grad_enabled(gradients), self.device.autocast():
            y: Tensor = self.generator(x)
        return y

    def judge(self, source: Tensor, image: Tensor) -> Tensor:
        """Compute the discriminator's logits of a pair."""
        with self.device.autocast():
            logits: Tensor = self.discriminator(source, image)
        return logits

    def sample(self, batch: dict[str, Tensor]) -> Tensor:
        """Generate images as ``options.test`` says; each call gives the same, and training is not affected."""
        was_training = self.generator.training
        paper = self.options.test == "paper"
        self.generator.eval()
        with torch.random.fork_rng(enabled=paper), torch.no_grad(), self.device.autocast():
            if paper:
                torch.manual_seed(self.options.seed)
                y = torch.cat([self._as_published(x) for x in batch["input"].split(1)])
            else:
                y = self.generator(batch["input"])
        self.generator.train(was_training)
        return y.float()

    def _as_published(self, x: Tensor) -> Tensor:
        """Generate one image with dropout and batch statistics; running statistics do not change."""
        with training_behaviour(self.generator):
            y: Tensor = self.generator(x)
        return y
