"""Training of an encoder for a generator, on the generator's samples (Tov et al. 2021, without their discriminator).

The latents of samples are known, so the distance from them takes the place of e4e's discriminator of latents, and most
of the training needs no gradients of the generator. In its last part reconstructions are compared as images, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i.toolkit.images.network_inputs import resize_images
from i2i.toolkit.images.similarity import psnr
from i2i.toolkit.latents.statistics import component_std

from .augmentation import PhotometricStrengths, change_light
from .fingerprint import Fingerprint
from .losses import IdentityDistance, image_distances, latent_distance
from .network import TrainedNetwork
from .options import SIZES, EncoderTrainerOptions
from .sampling import SamplePool, render_small, sample_latents

LARGEST_GRADIENT = 5.0
"""Norm to which gradients are clipped."""
PIXELS_OF_STRENGTHS = 64
"""Resolution that the strengths of the augmentation are for, pixels."""


class EncoderTrainer(i2i.Trainer):
    """Trains the network ``encoder`` on samples of ``options.generator``.

    Losses, unweighted: ``latents``, the squared distance from the true latents, 1 for an encoder that always gives the
    mean; in the last part also ``pixels``, ``lpips``, ``deltas`` and, where networks of identity fit, ``identity``.
    """

    name = "encoder"
    summary = "An encoder for any generator, trained on its samples; like e4e (Tov et al. 2021)."
    Options = EncoderTrainerOptions
    wants = "seeds"
    defaults: ClassVar = {"size": 128, "batch": 16, "steps": 4000, "ema": 0.998, "decay": 0.5}
    best_metric = "lpips"
    next_command = "i2i edit --plugin invert --image photo.jpg --generator {generator} --encoder {run}"

    def __init__(self, options: EncoderTrainerOptions, device: i2i.Device) -> None:
        """Open the generator and the networks of the losses.

        Raises:
            i2i.UsageError: there is no such generator.
            i2i.I2IError: it cannot be opened.
        """
        self.options, self.device = options, device
        self.generator = i2i.generator(options.generator, str(device))
        self.fingerprint = Fingerprint.of(self.generator)
        size = max(side for side in SIZES if side <= max(min(options.size, self.generator.resolution), SIZES[0]))
        network = TrainedNetwork(self.generator.num_ws, self.generator.w_dim, size, options.width)
        network.w_mean.copy_(self.fingerprint.w_mean)
        network.w_scale.fill_(component_std(self.generator))
        network.mean_image.copy_(self.fingerprint.mean_image)
        self.encoder = device.place(network)
        self.networks = {"encoder": self.encoder}
        self.optimizers = {"encoder": device.adam(self.encoder.parameters(), options.rate, (0.9, 0.999))}
        self.lpips: Any = i2i.extractor("lpips", device)
        self.identity: IdentityDistance | None = None
        if options.identity:
            domain = i2i.generator_domain(options.generator, i2i.load_registry())
            self.identity = IdentityDistance.open(domain, device)
        self.pool: SamplePool | None = None
        self._held_out: dict[int, tuple[Tensor, Tensor]] = {}

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Update the encoder on samples of the pool; see ``i2i.Trainer.step``."""
        pool = self._advance_pool(len(batch["seed"]))
        self.encoder.free.fill_(self._free_layers())
        compared = self.progress.step > self.progress.total * (1 - self.options.image_part)
        losses: dict[str, Tensor] = {}
        parts = self.device.parts(batch)
        for part in parts:
            images, w = pool.take(part["seed"])
            terms = self._losses(images, w, compared)
            total = sum((self._weight(name) * loss for name, loss in terms.items()), torch.zeros((), device=w.device))
            self.device.backward(total, 1 / len(parts))
            for name, loss in terms.items():
                losses[name] = losses.get(name, 0) + loss.detach() / len(parts)
        if self.device.precision != "fp16":  # its gradients are scaled
            torch.nn.utils.clip_grad_norm_(self.encoder.parameters(), LARGEST_GRADIENT)
        self.device.update(self.optimizers["encoder"])
        return losses

    def _advance_pool(self, batch: int) -> SamplePool:
        """Return the pool of this step; each process has samples of its own."""
        options, device = self.options, self.device
        if self.pool is None:
            self.pool = SamplePool(
                self.generator,
                size=options.pool,
                batch=batch,
                reuse=options.reuse,
                mixed=options.mixing,
                truncation=options.truncation,
                seed=options.seed * device.world + device.rank,
            )
        self.pool.advance(self.progress.step)
        return self.pool

    def _free_layers(self) -> int:
        """Return the number of layers that may differ from the first one at this step."""
        freed = self.options.progressive * self.progress.total
        share = 1.0 if freed < 1 else min(1.0, self.progress.step / freed)
        return 1 + round(share * (self.generator.num_ws - 1))

    def _losses(self, images: Tensor, w: Tensor, compared: bool) -> dict[str, Tensor]:
        """Return the unweighted losses of samples; those of reconstructions for some, where they are compared."""
        seen = self._augment(resize_images(images, self.encoder.size, self.encoder.size))
        with self.device.autocast():
            found = self.encoder(seen)
        losses = {"latents": latent_distance(found, w, self.encoder.w_scale)}
        if not compared:
            return losses
        count = max(1, round(len(images) * self.options.image_share))
        images, found = images[:count], found[:count]
        reconstructions = render_small(self.generator, found)
        losses |= image_distances(reconstructions, images, self.lpips)
        losses["deltas"] = latent_distance(found, found[:, :1].expand_as(found), self.encoder.w_scale)
        if self.identity is not None:
            losses["identity"] = self.identity(reconstructions, images)
        return losses

    def _weight(self, name: str) -> float:
        """Return the weight of a loss."""
        option = {"latents": "latent", "deltas": "delta"}.get(name, name)
        return float(getattr(self.options, option))

    def _augment(self, images: Tensor) -> Tensor:
        """Change light, sharpness and noise of images ``(N, 3, S, S)``, by the random numbers of this step."""
        strength = self.options.augment
        if not strength:
            return images
        limits = PhotometricStrengths(
            blur=1.2 * strength * self.encoder.size / PIXELS_OF_STRENGTHS,
            noise=0.06 * strength,
            contrast=0.1 * strength,
            brightness=0.05 * strength,
            tint=0.04 * strength,
        )
        random = torch.Generator().manual_seed(int(torch.randint(2**62, ())))  # on the CPU, as the engine seeds it
        return change_light(images, limits, random)

    @torch.no_grad()
    def _reconstruct(self, seeds: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return samples of seeds, their latents, and the reconstructions of the samples with their latents."""
        for seed in seeds.tolist():
            if seed not in self._held_out:
                random = torch.Generator().manual_seed(seed)
                w = sample_latents(self.generator, 1, random, truncation=self.options.truncation)
                self._held_out[seed] = (render_small(self.generator, w).clamp(-1, 1).cpu(), w.cpu())
        images, w = (
            torch.cat(each).to(self.device) for each in zip(*map(self._held_out.get, seeds.tolist()), strict=True)
        )
        was_training = self.encoder.training
        self.encoder.eval()
        seen = resize_images(images, self.encoder.size, self.encoder.size)
        with self.device.autocast():
            found = self.encoder(seen)
        self.encoder.train(was_training)
        return images, w, render_small(self.generator, found).clamp(-1, 1), found

    def sample(self, batch: dict[str, Tensor]) -> Mapping[str, Tensor]:
        """Return samples of the generator and their reconstructions, ``(N, 3, S, S)`` of at most 256 px."""
        images, _, reconstructions, _ = self._reconstruct(batch["seed"])
        return {"target": images, "reconstruction": reconstructions}

    def validate(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """Measure reconstructions of samples that are never trained on.

        Returns:
            ``lpips`` and ``psnr`` (dB) at the resolution of the generator, at most 256 px, and ``latents``, the squared
            distance from the true latents in units of the spread of w.
        """
        images, w, reconstructions, found = self._reconstruct(batch["seed"])
        return {
            "lpips": float(self.lpips.distance(reconstructions, images).mean()),
            "psnr": float(psnr(F.mse_loss(reconstructions, images))),
            "latents": float(latent_distance(found, w, self.encoder.w_scale)),
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the optimiser, and which network of identity took part."""
        return {**super().state_dict(), "identity": self._identity_name}

    @property
    def _identity_name(self) -> str:
        return "" if self.identity is None else self.identity.name

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the result of ``state_dict``; the networks are loaded before.

        Raises:
            i2i.I2IError: the generator or the network of identity is not the one that the training began with.
        """
        super().load_state_dict(state)
        if not self.fingerprint.fits(Fingerprint.stored(self.encoder)):
            raise i2i.I2IError(
                f"The generator {self.options.generator} has changed since this training began: restore it, or start a "
                "new run."
            )
        if state["identity"] != self._identity_name:
            needed = f"get {state['identity']} back (see 'i2i models list')" if state["identity"] else "start a new run"
            raise i2i.I2IError(
                f"This training began {'with' if state['identity'] else 'without'} a loss of identity, and now it is "
                f"the other way round: {needed}, so that it continues exactly."
            )
