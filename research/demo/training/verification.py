"""Are two images of one person? The figures by which face networks are compared."""

from __future__ import annotations

import torch
from torch import Tensor

FOLDS = 10
"""As for Labeled Faces in the Wild (Huang et al. 2007): nine choose the threshold, the tenth is judged by it."""
FALSE_ACCEPTS = (1e-2, 1e-3)


def verify(embeddings: Tensor, identities: Tensor) -> dict[str, float]:
    """Compare images in pairs by the cosine of their embeddings.

    Args:
        embeddings: Unit vectors ``(N, F)``.
        identities: ``(N,)`` numbers, several images of each, at least ten different ones.

    Returns:
        ``accuracy``: of as many pairs of different people as of the same, ten-fold, no person in two folds; ``auc``:
        the chance that a pair of one person is more alike than one of two, over all pairs; ``tar_at_far_0.01`` and
        ``tar_at_far_0.001``: the share of pairs of one person that are accepted where that share of those of two is.
    """
    likeness = embeddings @ embeddings.T
    above = torch.ones_like(likeness, dtype=torch.bool).triu(1)
    same = identities[:, None] == identities
    alike, others = likeness[above & same], likeness[above & ~same].sort().values
    below = torch.searchsorted(others, alike) + torch.searchsorted(others, alike, right=True)
    figures = {"accuracy": ten_fold(likeness, identities), "auc": float(below.double().mean() / 2 / len(others))}
    for share in FALSE_ACCEPTS:
        threshold = others[-max(1, round(share * len(others)))]
        figures[f"tar_at_far_{share:g}"] = float((alike > threshold).float().mean())
    return figures


def ten_fold(likeness: Tensor, identities: Tensor) -> float:
    """The mean accuracy over ten folds of people, each judged by the threshold that suits the other nine best.

    Args:
        likeness: ``(N, N)`` cosines.
    """
    random = torch.Generator().manual_seed(0)
    known, people = torch.unique(identities, return_inverse=True)
    folds = torch.randperm(len(known), generator=random)[people] % FOLDS
    cosines, truths = [], []
    for fold in range(FOLDS):
        members = (folds == fold).nonzero()[:, 0]
        one, other = torch.combinations(members).unbind(dim=1)
        same = identities[one] == identities[other]
        alike, different = same.nonzero()[:, 0], (~same).nonzero()[:, 0]
        sampled = different[torch.randperm(len(different), generator=random)[: len(alike)]]
        chosen = torch.cat([alike, sampled])
        cosines.append(likeness[one[chosen], other[chosen]])
        truths.append(same[chosen])
    right = []
    for fold in range(FOLDS):
        rest = [each for each in range(FOLDS) if each != fold]
        threshold = best_threshold(torch.cat([cosines[i] for i in rest]), torch.cat([truths[i] for i in rest]))
        right.append(((cosines[fold] > threshold) == truths[fold]).float().mean())
    return float(torch.stack(right).mean())


def best_threshold(cosines: Tensor, same: Tensor) -> float:
    """Where to part pairs ``(M,)`` so that most are judged rightly: between two neighbouring cosines."""
    order = cosines.argsort()
    cosines, same = cosines[order], same[order].long()
    rejected_rightly = (1 - same).cumsum(0)  # with the threshold just above each
    accepted_rightly = same.sum() - same.cumsum(0)
    place = int((rejected_rightly + accepted_rightly).argmax())
    after = min(place + 1, len(cosines) - 1)
    return float((cosines[place] + cosines[after]) / 2)
