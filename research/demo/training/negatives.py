"""Images in which there is no whole, upright face, made of images in which there is one.

A finder that never saw them would be as sure of a wall as of a face.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from i2i_plugins.encoder.augmentation import blur

from .augmentation import moved

TILES = 4
"""Tiles to a side, where an image is cut up and laid out anew."""
FAR = (0.45, 0.75)
"""How far a face is pushed out of the image, in shares of its size: at least, at most."""


def faceless(images: Tensor, landmarks: Tensor, random: torch.Generator) -> Tensor:
    """Corrupt images of faces ``(N, 3, S, S)`` in [-1, 1] by one of five functions each, so that no face is left.

    Args:
        landmarks: ``(N, 68, 2)`` pixels of the images.
    """
    corruptions = (clouds, rubbed_out, jumbled, turned_over, pushed_out)
    chosen = torch.randint(len(corruptions), (len(images),), generator=random)
    spoilt = images.clone()
    for number, corrupt in enumerate(corruptions):
        picked = (chosen == number).nonzero()[:, 0].to(images.device)
        if len(picked):
            spoilt[picked] = corrupt(images[picked], landmarks[picked], random)
    return spoilt


def clouds(images: Tensor, landmarks: Tensor, random: torch.Generator) -> Tensor:
    """Replace images by smooth noise between two of their colours."""
    count, size = len(images), images.shape[-1]
    cells = int(torch.randint(1, 5, (), generator=random))
    noise = torch.rand(count, 3, 2**cells, 2**cells, generator=random).to(images)
    noise = F.interpolate(noise, (size, size), mode="bicubic").clamp(0, 1)
    places = torch.randint(size, (2, 2), generator=random)
    one, other = (images[:, :, y, x, None, None] for y, x in places.tolist())
    return one + (other - one) * noise


def rubbed_out(images: Tensor, landmarks: Tensor, random: torch.Generator) -> Tensor:
    """Blur the inside of the face beyond recognition; hair and background stay."""
    size = images.shape[-1]
    least, most = landmarks.amin(dim=1), landmarks.amax(dim=1)
    centre, half = (least + most) / 2, (most - least) / 2 * 1.25
    across = torch.arange(size, device=images.device, dtype=images.dtype)
    x, y = ((across - centre[:, i, None]) / half[:, i, None] for i in (0, 1))
    distance = (x[:, None, :].square() + y[:, :, None].square()).sqrt()  # 1 on an ellipse around the points
    inside = ((1.2 - distance) / 0.2).clamp(0, 1)[:, None]
    sigmas = size * (0.12 + 0.2 * torch.rand(len(images), generator=random))
    return images + (blur(images, sigmas.to(images)) - images) * inside


def jumbled(images: Tensor, landmarks: Tensor, random: torch.Generator) -> Tensor:
    """Shuffle tiles of images."""
    count, size = len(images), images.shape[-1]
    side = size // TILES
    order = torch.rand(count, TILES * TILES, generator=random).argsort(dim=1).to(images.device)
    tiles = F.unfold(images, side, stride=side)  # (N, 3 * side * side, tiles)
    tiles = tiles.gather(2, order[:, None].expand_as(tiles))
    return F.fold(tiles, (size, size), side, stride=side)


def turned_over(images: Tensor, landmarks: Tensor, random: torch.Generator) -> Tensor:
    """Rotate images by 90, 180 or 270 degrees."""
    return images.rot90(int(torch.randint(1, 4, (), generator=random)), (2, 3))


def pushed_out(images: Tensor, landmarks: Tensor, random: torch.Generator) -> Tensor:
    """Translate images so that half the face or more is outside."""
    count, size = len(images), images.shape[-1]
    sides = torch.tensor([(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)])
    direction = sides[torch.randint(4, (count,), generator=random)]
    least, most = FAR
    shift = direction * size * (least + (most - least) * torch.rand(count, 1, generator=random))
    movement = torch.cat([torch.eye(2).expand(count, 2, 2), shift[..., None]], dim=2)
    return moved(images, movement.to(images))
