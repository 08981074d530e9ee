"""Training and evaluation of ``demo-identity``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from i2i_plugins.demo import synthetic_faces
from i2i_plugins.demo.extractors.alignment import align, three_points
from i2i_plugins.demo.networks.identity import FEATURES, IdentityNetwork
from i2i_plugins.encoder.augmentation import change_light

from .. import pools
from .augmentation import Strengths, moved, movements
from .identities import people
from .loop import fit
from .settings import Trained, TrainingSettings
from .verification import verify

if TYPE_CHECKING:
    import i2i

    from ..pools import Pool

DEFAULTS = TrainingSettings(steps=1500, batch=64, rate=2e-3, images=16_000)
CHANGES = Strengths(shift=2.0, scale=0.06, stretch=0.02, turn=5.0, tint=0.04, contrast=0.15, brightness=0.1)
"""Mild, for colours of skin and hair tell people apart, and faces come aligned."""
AS_DRAWN = 0.25
"""Probability that an image is used without alignment."""
MARGIN, SCALE = 0.35, 20.0
"""Of ArcFace: radians that are added to the angle to the own identity, and the factor of all cosines."""
RISE = (0.25, 0.75)
"""The share of the steps up to which there is no margin, and from which it is whole."""
TRAITS = 4.0
"""Weight of the second loss: an embedding must also tell, linearly, the parameter values of the person. They teach
more at a time than a number among thousands, and hold for people who are not among them."""


class Arc(nn.Module):
    """Additive angular margin over identities (Deng et al. 2019, equation 3): embeddings and identities -> loss."""

    def __init__(self, identities: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(identities, FEATURES) * 0.1)

    def forward(self, embeddings: Tensor, identities: Tensor, margin: float) -> Tensor:
        """Cross-entropy of a batch: ``(N, 128)`` of any length, ``(N,)`` numbers -> ``()``; the margin in radians.

        Beyond pi the angle cannot grow; there the cosine falls on in a straight line, as in the authors' code.
        """
        cosines = F.linear(F.normalize(embeddings), F.normalize(self.weight)).clamp(-1 + 1e-6, 1 - 1e-6)
        own = cosines.gather(1, identities[:, None])
        sines = (1 - own.square()).sqrt()
        pushed = own * math.cos(margin) - sines * math.sin(margin)
        pushed = torch.where(own > -math.cos(margin), pushed, own - margin * math.sin(margin))
        return F.cross_entropy(SCALE * cosines.scatter(1, identities[:, None], pushed), identities)


def margin_at(step: int, steps: int) -> float:
    """The margin of a step: nothing at first, for a network that knows no one yet; then it rises in a straight line."""
    begin, end = RISE
    return MARGIN * min(1.0, max(0.0, (step / steps - begin) / (end - begin)))


def train(settings: TrainingSettings, say: Callable[[str], None]) -> Trained:
    """Train the network to tell synthetic people apart.

    Args:
        say: Receives progress messages of one line.

    Returns:
        Its tensors, in float32, and the facts of the training.
    """
    pool = people(settings, say)
    traits = pool.values[:, synthetic_faces.faces().groups["identity"]].float()
    known, classes = torch.unique(pool.identities, return_inverse=True)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        both = nn.ModuleDict(
            {"network": IdentityNetwork(), "arc": Arc(len(known)), "traits": nn.Linear(FEATURES, traits.shape[1])}
        )
    both = both.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network, arc = both["network"], both["arc"]
    assert isinstance(network, IdentityNetwork)
    network.layout.copy_(three_points(pool.landmarks.float()).mean(dim=0))

    def losses(numbers: Tensor, step: int, random: torch.Generator) -> dict[str, Tensor]:
        x = pools.images_of(pool, numbers)
        aligned = align(x, pool.landmarks[numbers].float(), network.layout)
        as_drawn = torch.rand(len(x), generator=random) < AS_DRAWN
        x = torch.where(as_drawn.view(-1, 1, 1, 1), x, aligned)
        x = change_light(moved(x, movements(len(x), CHANGES, random)), CHANGES, random)
        embeddings = network(x.contiguous(memory_format=torch.channels_last))
        return {
            "arc": arc(embeddings, classes[numbers], margin_at(step, settings.steps)),
            "traits": TRAITS * F.mse_loss(both["traits"](embeddings), traits[numbers]),
        }

    average = fit(both, len(pool.images), losses, settings, say).get_submodule("network")
    tensors = {key: value for key, value in average.state_dict().items() if not key.endswith("num_batches_tracked")}
    return Trained(tensors, {"pictures": len(pool.images), "identities": len(known)})


@torch.no_grad()
def evaluate(extractor: i2i.Extractor, pool: Pool) -> dict[str, float]:
    """Measure an extractor of identities on synthetic people whom it never saw, aligned by their true points.

    Args:
        pool: With several images of every identity.

    Returns:
        As ``verification.verify`` does.
    """
    found = []
    for numbers in torch.arange(len(pool.images)).split(64):
        aligned = extractor.align(pools.images_of(pool, numbers), pool.landmarks[numbers].float())  # type: ignore[attr-defined]
        found.append(extractor(aligned).cpu())  # type: ignore[operator]
    return verify(torch.cat(found), pool.identities)
