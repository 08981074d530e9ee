"""What a swap is held against, in numbers that can be worked out by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from i2i.toolkit.faces.landmarks import eye_distance
from i2i_plugins.swap.faces import (
    FOREHEAD,
    GAMMA,
    apply_gains,
    bare_skin,
    face_region,
    mean_colour,
    read_people,
    skin_region,
    skin_tones,
    tone_gains,
    visible_skin,
    with_forehead,
)
from i2i_plugins.swap.losses import CELLS, SwapLoss
from i2i_plugins.swap.options import SwapOptions
from i2i_plugins.swap.pipeline import background, measure
from tests.plugins.swap.scenes import BLUE, RED, SIDE, Still, face_points, scene

POINTS = face_points()[None] * SIDE


def test_default_weights_are_the_published_ones() -> None:
    options = SwapOptions()
    assert (options.rec_weight, options.lpips_weight, options.arcface_weight) == (0.5, 1.0, 1.5)
    assert options.regularize_noise_weight == 5e5


def test_face_region_is_one_inside_and_fades() -> None:
    region = face_region(POINTS, SIDE, grow=0.1, feather=0.5)[0, 0]
    points = POINTS[0].round().long()
    assert (region[points[:, 1], points[:, 0]] == 1).all()
    assert region[0].max() == region[-1].max() == region[:, 0].max() == region[:, -1].max() == 0
    # The chin is at 0.75 of 32, 24 px; eyes are 8 px apart: grown by 0.8 px, faded over 4.
    down = region[:, SIDE // 2]
    assert down[24] == 1 and 0 < down[27] < 1 and down[29] == 0
    assert (down[24:].diff() <= 0).all()


def test_face_region_includes_forehead() -> None:
    raised = with_forehead(POINTS)[0]
    # From the mouth at 0.65 to the eyes at 0.42 it is 0.23 of the side upwards.
    torch.testing.assert_close(
        raised[68:] - POINTS[0, 17:27], torch.tensor([0.0, -0.23 * FOREHEAD * SIDE]).expand(10, 2)
    )
    assert eye_distance(POINTS).item() == pytest.approx(0.25 * SIDE)


def test_face_region_is_equivariant() -> None:
    region = face_region(POINTS, SIDE, 0.1, 0.5)
    moved = face_region(POINTS + torch.tensor([3.0, -2.0]), SIDE, 0.1, 0.5)
    torch.testing.assert_close(moved, region.roll((-2, 3), (2, 3)), atol=1e-5, rtol=0)  # float32
    mirrored = POINTS.clone()
    mirrored[..., 0] = SIDE - 1 - mirrored[..., 0]  # the hull goes round the other way
    torch.testing.assert_close(face_region(mirrored, SIDE, 0.1, 0.5), region.flip(3), atol=1e-5, rtol=0)


def aim(**options: float | bool) -> SwapLoss:
    given = scene([RED], [BLUE])
    source = read_people(given, given.photos["source"].pixels)
    return SwapLoss(given, SwapOptions.model_validate(options), given.photos["target"].pixels, source)


def test_terms_of_unchanged_target() -> None:
    held = aim()
    terms = held.terms(held.targets)
    assert set(terms) == {"rec", "lpips", "landmarks", "colour", "identity"}
    assert [round(float(terms[name]), 6) for name in ("rec", "lpips", "landmarks")] == [0.0, 0.0, 0.0]
    cosine = (read_people(scene([RED], [BLUE]), held.targets).vectors * held.people.vectors).sum()
    assert float(terms["identity"]) == pytest.approx(1.5 * (1 - float(cosine)), abs=1e-6)


def test_terms_of_changed_target() -> None:
    held = aim(inside=0.25, rec_weight=2, lpips_weight=3, landmarks_weight=5)
    change = torch.full_like(held.targets, 0.1)
    change[..., SIDE // 2 :] += 0.2
    terms = held.terms(held.targets + change)
    seen = ((1 - 0.75 * held.inner) * change).square().mean()
    assert float(terms["rec"]) == pytest.approx(2 * float(seen), rel=1e-5)
    assert float(terms["lpips"]) == pytest.approx(3 * float(seen), rel=1e-5)
    shown = held.region * change  # the background is the target's
    turned = shown[..., SIDE // 2 :].mean() - shown[..., : SIDE // 2].mean()
    assert float(terms["landmarks"]) == pytest.approx(5 * float(turned / (0.25 * SIDE)) ** 2, rel=1e-4)


@pytest.mark.parametrize(("side", "held"), [(64, False), (256, True)])
def test_forehead_is_held_to_the_target_from_256_px(side: int, held: bool) -> None:
    given = scene([RED], [BLUE])
    targets = F.interpolate(given.photos["target"].pixels, (side, side))
    loss = SwapLoss(given, SwapOptions(), targets, read_people(given, targets))
    assert bool((loss.region - loss.inner).amax() > 0.5) is held
    options = loss.options
    expected = face_region(loss.points, side, options.grow, options.feather, 0.0 if held else 0.5)
    assert torch.equal(loss.inner, expected)


def test_skin_region_ends_at_brows() -> None:
    here = skin_region(POINTS, SIDE)[0, 0]
    points = POINTS[0].round().long()
    assert (here[points[:, 1], points[:, 0]] > 0.4).all()  # these are rounded to pixels, and so may lie in its edge
    # The brows are at 0.35 of 32, 11.2 px; the skin fades over a tenth of 8 px.
    assert here[10, SIDE // 2] == 0 and face_region(POINTS, SIDE, 0, 0.1)[0, 0, 10, SIDE // 2] == 1
    picture = torch.arange(3.0).view(1, 3, 1, 1) * skin_region(POINTS, SIDE) - (1 - skin_region(POINTS, SIDE))
    assert mean_colour(picture, here[None, None])[0].tolist() == pytest.approx([0, 1, 2], abs=0.15)  # its edge is mixed


def test_colour_term_keeps_light_and_tone() -> None:
    held = aim(colour_weight=10)
    assert float(held.terms(held.targets)["colour"]) == 0
    darker = float(held.terms(held.targets - 0.1)["colour"])
    assert darker == pytest.approx(10 * 0.1**2, rel=0.05)  # cells are weighted by their skin, 1 in all
    # Of the same mean colour under another light: bright to the left of the nose, and dark to the right.
    assert float(held.terms(held.targets + torch.linspace(0.5, -0.5, SIDE))["colour"]) > darker
    # Within a cell nothing is asked of it.
    fine = torch.ones(SIDE, SIDE)
    fine[::2] = -1
    assert SIDE == 2 * CELLS
    assert float(held.terms(held.targets + 0.05 * fine)["colour"]) == pytest.approx(0, abs=1e-5)


def test_bare_skin_leaves_out_eyes_and_mouth() -> None:
    large = face_points()[None] * 256
    large[:, 36:42] += 8 * torch.tensor([[-1.0, 0], [-0.5, -1], [0.5, -1], [1, 0], [0.5, 1], [-0.5, 1]])
    large[:, 60:68, 1] += torch.tensor([0.0, -6, -6, -6, 0, 6, 6, 6])
    whole, bare = skin_region(large, 256)[0, 0], bare_skin(large, 256)[0, 0]
    for x, y in ((0.375, 0.42), (0.5, 0.65)):
        assert whole[round(256 * y), round(256 * x)] == 1 and bare[round(256 * y), round(256 * x)] == 0
    assert bare[round(256 * 0.5), round(256 * 0.4)] == 1 and (bare <= whole).all()


def test_visible_skin_follows_colour_around_the_face() -> None:
    """A face above a neck of its colour and beside hair of another: the neck is skin, the hair and an eye are not."""
    points = face_points()[None] * 64
    image = torch.tensor([-0.9, -0.8, -0.7]).view(1, 3, 1, 1).expand(1, 3, 64, 64).clone()  # ground and hair
    skin = torch.tensor([0.6, 0.2, 0.0]).view(1, 3, 1, 1)
    image[..., 20:64, 18:46] = skin
    image = image + 0.02 * torch.sin(torch.arange(64.0))  # some texture
    seen = visible_skin(image, points)[0, 0]
    assert seen[32, 32] > 0.9 and seen[52, 32] > 0.6  # a cheek, and the neck below the chin at 48
    assert seen[32, 10] < 0.05 and seen[10, 32] < 0.05 and seen[2].max() < 0.05  # hair at the sides and above


def test_tone_gains_keep_light_and_the_rest() -> None:
    points = face_points()[None] * 64
    light = torch.linspace(0.8, 1.2, 64)
    linear = torch.tensor([0.6, 0.3, 0.2]).view(1, 3, 1, 1) * light.expand(1, 1, 64, 64)
    linear[..., :4] = 0.02  # hair
    image = 2 * linear.pow(1 / GAMMA) - 1
    tone = torch.tensor([[0.3, 0.15, 0.08]])
    changed = apply_gains(image, tone_gains(image, points, tone))
    torch.testing.assert_close(skin_tones(changed, points), tone, rtol=0.02, atol=0)
    row = ((changed[0, :, 32] + 1) / 2).pow(GAMMA)
    torch.testing.assert_close(row[:, 24] / row[:, 40], (light[24] / light[40]).expand(3), rtol=0.02, atol=0)
    torch.testing.assert_close(changed[..., :4], image[..., :4], atol=1e-3, rtol=0)


def test_terms_with_weight_0_are_omitted() -> None:
    assert set(aim(rec_weight=0, lpips_weight=0, landmarks_weight=0, colour_weight=0).terms(aim().targets)) == {
        "identity"
    }


def test_landmark_term_needs_gradients() -> None:
    given = scene([RED], [BLUE], Still())
    source = read_people(given, given.photos["source"].pixels)
    held = SwapLoss(given, SwapOptions(), given.photos["target"].pixels, source)
    assert not held.follows and "landmarks" not in held.terms(held.targets)


def test_composite_shows_target_outside_the_face() -> None:
    held = aim()
    drawn = held.targets + 0.3
    outside = held.region.expand_as(drawn) == 0
    assert outside.any() and torch.equal(held.shown(drawn)[outside], held.targets[outside])
    assert torch.equal(aim(background=False).shown(drawn), drawn)


def test_measure_scalars() -> None:
    held = aim()
    change = torch.zeros_like(held.targets)
    change[:, 0] = 0.1
    assert float(background(held, held.targets + change)) == pytest.approx(12.75, rel=1e-4)  # 0.1 of 2, of 255
    told = measure(scene([RED], [BLUE]), held, held.targets)[0]
    assert told["identity/before"] == told["identity/after"] and told["closed"] == 0
    assert told["landmarks"] < 1e-5 and told["background"] == 0 and told["lpips/outside"] == 0
    closer = measure(scene([RED], [BLUE]), held, (held.targets + 0.5 * (BLUE.w[0, 0] - RED.w[0, 0]).view(1, 3, 1, 1)))[
        0
    ]
    gap = 1 - told["identity/before"]
    assert gap > 0.1
    assert closer["closed"] == pytest.approx((closer["identity/after"] - told["identity/before"]) / gap, rel=1e-5)


def test_measure_omits_closed_for_equal_faces() -> None:
    given = scene([RED], [RED])
    held = SwapLoss(
        given, SwapOptions(), given.photos["target"].pixels, read_people(given, given.photos["source"].pixels)
    )
    told = measure(given, held, held.targets)[0]
    assert told["identity/before"] == pytest.approx(1, abs=1e-6) and "closed" not in told
