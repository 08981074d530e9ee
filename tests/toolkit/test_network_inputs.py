"""Images as inputs of networks: their shape is checked, and they are resized without aliasing."""

from __future__ import annotations

import pytest
import torch

from i2i.toolkit.images.network_inputs import check_rgb, prepare_images, resize_images


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 1, 8, 8), (1, 2, 3, 8, 8)])
def test_check_rgb_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    check_rgb(torch.zeros(2, 3, 8, 8), "eyes")
    with pytest.raises(ValueError, match=r"eyes takes images \(N, 3, H, W\), got \("):
        check_rgb(torch.zeros(shape), "eyes")
    with pytest.raises(ValueError, match="eyes takes images"):
        prepare_images(torch.zeros(shape), 8, "eyes")


def test_resize_images_has_no_aliasing_and_has_gradients() -> None:
    stripes = torch.ones(1, 3, 64, 64)
    stripes[..., ::2] = -1
    stripes.requires_grad_()
    small = resize_images(stripes, 16, 8)
    assert small.shape == (1, 3, 16, 8) and small.abs().max() < 0.1  # their mean is 0; point samples show 1
    small.sum().backward()
    assert stripes.grad is not None and stripes.grad.all(), "every pixel counts"


def test_resize_images_copies_nothing_of_the_right_size() -> None:
    images = torch.rand(1, 3, 4, 6)
    assert resize_images(images, 4, 6) is images
    assert resize_images(images.half(), 4, 6).dtype == torch.float32


def test_prepare_images_is_channels_last() -> None:
    prepared = prepare_images(torch.rand(2, 3, 8, 8).half(), 4, "eyes")
    assert prepared.shape == (2, 3, 4, 4) and prepared.dtype == torch.float32
    assert prepared.is_contiguous(memory_format=torch.channels_last)
