"""Edited crops put back into their photo so that no seam shows.

Where an edit changed nothing, the photo keeps its own pixels, however small the crop; outside the crops it keeps them
always.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import cv2
import numpy as np

from ..api.placement import Placement
from ..toolkit.faces.alignment import Surroundings
from ..toolkit.images.warp import warp

FEATHER = 0.1
"""Share of the crop's side over which it fades into the photo."""

Box: TypeAlias = tuple[int, int, int, int]
"""x0, y0, x1, y1 of pixels, x1 and y1 not among them."""
Patch: TypeAlias = tuple[np.ndarray, np.ndarray, Placement]
"""An edited crop, the crop as it was cut out, both uint8 ``(S, S, 3)``, and its place in the photo."""
Mode: TypeAlias = Literal["feather", "poisson"]

_BAND = 256
"""Rows that are blended at a time, so that memory does not grow with the photo."""
_OUTLIER = 10.0
"""Difference, of 255, at which a pixel of the ring counts half for colours: something else may be shown there."""
_PLAIN = 25.0
"""Variance of a ring, of 255 squared, under which it tells more about shifts than about scales."""
_GAINS = (0.8, 1.25)
_SAME, _OTHER = 2.0, 8.0
"""Differences, of 255, up to which a place counts as unchanged by the edit, and from which it is wholly the edit's."""


def paste(
    photo: np.ndarray,
    patches: Sequence[Patch],
    mode: Mode = "feather",
    *,
    colours: bool = True,
    feather: float = FEATHER,
) -> np.ndarray:
    """Put edited crops of one photo back into it. Where several overlap, the one whose middle is nearest prevails.

    Args:
        photo: uint8 ``(H, W, 3)``, which the crops were cut out of.
        mode: ``"feather"``: crops fade into the photo at their edges. ``"poisson"``: as well, differences at the edges
            are first evened out over the whole crop (Pérez et al. 2003, "Poisson Image Editing"), which takes away
            differences in light and tint, intended ones too.
        colours: Shift and scale each channel so that the edges of the edited crop have the colours that they had; where
            the edges were not changed, nothing is.
        feather: Share of the side over which a crop fades, above 0 and at most 0.5.

    Returns:
        uint8 ``(H, W, 3)``; outside the squares of the crops the very pixels of the photo.
    """
    masks = [Mask(placement, photo.shape[0], photo.shape[1], feather) for _, _, placement in patches]
    result = photo.copy()
    for index, (edited, original, placement) in enumerate(patches):
        _check(edited, original, mode)
        x0, y0, x1, y1 = box = masks[index].box
        if x0 >= x1 or y0 >= y1:
            continue
        if colours:
            edited = _matched(edited, original, masks[index])
        if mode == "poisson":
            edited = _evened(edited, original, masks[index])
        rivals = [mask for other, mask in enumerate(masks) if other != index and _meet(mask.box, box)]
        layers = [edited, original, unchanged] if (unchanged := _unchanged(edited, original)).any() else [edited]
        warped = [_placed(each, placement, box) for each in layers]
        for top in range(y0, y1, _BAND):
            rows = slice(top, min(top + _BAND, y1))
            share = _share(masks[index], rivals, rows)
            delta = _delta(photo[rows, x0:x1], *(each[rows.start - y0 : rows.stop - y0] for each in warped))
            part = result[rows, x0:x1]
            part[:] = (part + share[..., None] * delta).round().clip(0, 255)
    return result


def _check(edited: np.ndarray, original: np.ndarray, mode: str) -> None:
    size = len(original)
    if any(each.dtype != np.uint8 or each.shape != (size, size, 3) for each in (edited, original)):
        raise ValueError(f"crops are uint8 (S, S, 3), both of one size; got {edited.shape} and {original.shape}")
    if mode not in ("feather", "poisson"):
        raise ValueError(f"crops are pasted by feather or poisson, not {mode}")


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _matched(edited: np.ndarray, original: np.ndarray, mask: Mask) -> np.ndarray:
    """The edited crop with each channel scaled and shifted so that its ring has the colours of the original's.

    Means and spreads are compared; the less the two rings vary together, the less of the scale is believed. Fitted
    several times over: pixels that fit badly may show something else now and count less (with the weights of Cauchy).
    An unchanged ring gives exactly the scale 1 and the shift 0.
    """
    step = max(1, len(edited) // 256)  # some ten thousand pixels tell as much as a million
    ring = mask.ring(len(edited), step)
    inside = ring > 0.01
    if not inside.any():
        return edited
    weights = ring[inside][:, None].astype(np.float64)
    x, y = (crop[::step, ::step][inside].astype(np.float64) for crop in (edited, original))
    each = weights
    for _ in range(4):
        total = each.sum(axis=0)
        x_mean, y_mean = (each * x).sum(axis=0) / total, (each * y).sum(axis=0) / total
        x_spread, y_spread, both = (
            (each * one * other).sum(axis=0) / total + _PLAIN
            for one, other in ((x - x_mean, x - x_mean), (y - y_mean, y - y_mean), (x - x_mean, y - y_mean))
        )
        alike = both * both / (x_spread * y_spread)
        gain = (1 + alike * (np.sqrt(y_spread / x_spread) - 1)).clip(*_GAINS)
        shift = y_mean - gain * x_mean
        each = weights / (1 + ((y - gain * x - shift) / _OUTLIER) ** 2)
    values = edited * gain.astype(np.float32) + shift.astype(np.float32)
    return np.asarray(values.round().clip(0, 255).astype(np.uint8))


def _evened(edited: np.ndarray, original: np.ndarray, mask: Mask) -> np.ndarray:
    """The crop with the gradients of the edited one and, at the edges that fade, the values of the original."""
    if not any(mask.closed):
        return edited
    size, rim = len(edited), max(1, len(edited) // 256)
    target = original.copy()
    for turns, closed in zip((0, 3, 2, 1), mask.closed, strict=True):  # brings each side to the left
        if not closed:
            np.rot90(target, -turns)[:, :rim] = np.rot90(edited, -turns)[:, :rim]
    inside = np.zeros((size, size), np.uint8)
    inside[rim:-rim, rim:-rim] = 255
    cloned = cv2.seamlessClone(edited, target, inside, (size // 2, size // 2), cv2.NORMAL_CLONE)
    apart = cv2.absdiff(cloned, edited) > 1  # a difference of 1 may be the rounding of OpenCV
    return np.asarray(np.where(apart, cloned, edited))


def _placed(crop: np.ndarray, placement: Placement, box: Box) -> np.ndarray:
    """A crop as it lies in the photo, within a box."""
    x0, y0, x1, y1 = box
    forth = placement.matrix(len(crop))
    back = np.linalg.inv(forth[:, :2])
    return warp(crop, np.column_stack([back, back @ (np.array([x0, y0]) - forth[:, 2])]), y1 - y0, x1 - x0)


def _unchanged(edited: np.ndarray, original: np.ndarray) -> np.ndarray:
    """Where the edit left a crop as it was, with its neighbourhood: uint8 ``(S, S)``, 255 there and 0 where not."""
    change = cv2.GaussianBlur(cv2.dilate(cv2.absdiff(edited, original).max(axis=2), np.ones((5, 5))), (0, 0), 1.5)
    return (
        np.asarray(255 * (1 - smooth((change.astype(np.float32) - _SAME) / (_OTHER - _SAME)))).round().astype(np.uint8)
    )


def _delta(
    photo: np.ndarray, edited: np.ndarray, original: np.ndarray | None = None, unchanged: np.ndarray | None = None
) -> np.ndarray:
    """What the crop changes, float32: where it is as it was, what is finer than its pixels comes from the photo."""
    delta: np.ndarray = edited.astype(np.float32) - photo
    if original is not None and unchanged is not None:
        delta += (photo - original.astype(np.float32)) * (unchanged[..., None] / np.float32(255))
    return delta


def _share(mask: Mask, rivals: Sequence[Mask], rows: slice) -> np.ndarray:
    """How much a crop shows in some rows of its box, if others overlap it: float32 ``(rows, columns)``, 0 to 1."""
    x0, _, x1, _ = mask.box
    place = (x0, x1, rows.start, rows.stop)
    own = mask.weights(*place)
    if not rivals:
        return own
    bare, claim = 1 - own, own * mask.nearness(*place)
    claims = claim.copy()
    for rival in rivals:
        weights = rival.weights(*place)
        bare *= 1 - weights
        claims += weights * rival.nearness(*place)
    return np.asarray((1 - bare) * claim / np.maximum(claims, np.float32(1e-30)))


def feather_mask(placement: Placement, height: int, width: int, feather: float = FEATHER) -> np.ndarray:
    """How much of a single pasted crop shows at each pixel of a photo: float32 ``(height, width)``, 0 to 1.

    It is 0 outside the crop and at its edges, rises smoothly over ``feather`` of its side, and falls again where the
    crop was blurred because the photo ends there. An edge that runs along or beyond the photo's border does not fade,
    for nothing is there to fade into.
    """
    mask = Mask(placement, height, width, feather)
    x0, y0, x1, y1 = mask.box
    whole = np.zeros((height, width), np.float32)
    if x0 < x1 and y0 < y1:
        whole[y0:y1, x0:x1] = mask.weights(x0, x1, y0, y1)
    return whole


class Mask:
    """How much one crop of a photo of ``height`` x ``width`` pixels shows."""

    def __init__(self, placement: Placement, height: int, width: int, feather: float = FEATHER) -> None:
        """Pasting ``placement``; ``feather`` is the share of its side over which it fades, above 0 and at most 0.5."""
        if not 0 < feather <= 0.5:
            raise ValueError(f"a crop fades over a share of its side above 0 and at most 0.5, not {feather}")
        self.placement, self.feather = placement, feather
        self.surroundings = Surroundings(placement, height, width)
        x0, y0, x1, y1 = placement.bounds()
        self.box: Box = (
            max(math.ceil(x0), 0),
            max(math.ceil(y0), 0),
            min(math.floor(x1) + 1, width),
            min(math.floor(y1) + 1, height),
        )
        self.closed: tuple[bool, ...] = tuple(_fades(*corners, height, width) for corners in _sides(placement))

    def weights(self, x0: int, x1: int, y0: int, y1: int) -> np.ndarray:
        """At pixels of the photo, float32 ``(y1 - y0, x1 - x0)``, 0 to 1."""
        x, y = np.arange(x0, x1, dtype=np.float32)[None], np.arange(y0, y1, dtype=np.float32)[:, None]
        blur, _ = self.surroundings.shares(x, y)
        weights: np.ndarray = self.edges(*self._within(x, y)) * (1 - blur)
        return weights

    def nearness(self, x0: int, x1: int, y0: int, y1: int) -> np.ndarray:
        """1 in the middle of the crop, falling to next to nothing at its edges: who prevails where crops overlap."""
        x, y = np.arange(x0, x1, dtype=np.float32)[None], np.arange(y0, y1, dtype=np.float32)[:, None]
        u, v = self._within(x, y)
        near = (16 * (u - u * u).clip(0, 1) * (v - v * v).clip(0, 1)) ** 2
        return np.asarray(near + np.float32(1e-6))  # so that somebody prevails even where all are at their edges

    def edges(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The fading at the edges alone; ``u`` and ``v`` are shares of the side, from the left and from the top."""
        inside = (np.minimum(u, 1 - u) >= 0) & (np.minimum(v, 1 - v) >= 0)
        weights: np.ndarray = np.asarray(inside, np.float32)
        for distance, closed in zip((u, v, 1 - u, 1 - v), self.closed, strict=True):
            if closed:
                weights = np.asarray(weights * smooth(distance / self.feather))
        return weights

    def ring(self, size: int, step: int = 1) -> np.ndarray:
        """How much every ``step``-th pixel of a crop counts for its colours, float32: most amid the fading."""
        pixels = np.arange(0, size, step)
        middles = (pixels.astype(np.float32) + 0.5) / size
        weights = self.edges(middles[None], middles[:, None])
        places = self.placement.to_photo(np.stack(np.meshgrid(pixels, pixels), axis=-1), size)
        blur, _ = self.surroundings.shares(places[..., 0], places[..., 1])
        return np.asarray(weights * (1 - weights) * (1 - blur), np.float32)

    def _within(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points of the photo as shares of the crop's side, from the left and from the top."""
        forth = self.placement.matrix(1)
        back = np.linalg.inv(forth[:, :2])
        shift = back @ forth[:, 2] - 0.5
        u, v = (np.asarray(float(a) * x + float(b) * y - float(c)) for (a, b), c in zip(back, shift, strict=True))
        return u, v


def _sides(placement: Placement) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """The ends of the left, upper, right and lower side."""
    upper_left, lower_left, lower_right, upper_right = placement.quad
    yield from ((upper_left, lower_left), (upper_left, upper_right))
    yield from ((lower_right, upper_right), (lower_left, lower_right))


def _fades(first: tuple[float, float], last: tuple[float, float], height: int, width: int) -> bool:
    """Whether a side has photo beyond it: not if both its ends lie on or beyond one border of the photo."""
    near = 1e-3  # of a pixel
    x, y = sorted((first[0], last[0])), sorted((first[1], last[1]))
    beyond = (x[1] <= near - 0.5, y[1] <= near - 0.5, x[0] >= width - 0.5 - near, y[0] >= height - 0.5 - near)
    return not any(beyond)


def smooth(x: np.ndarray) -> np.ndarray:
    """0 up to 0, 1 from 1, and level at both."""
    x = x.clip(0, 1)
    return np.asarray(x * x * (3 - 2 * x))
