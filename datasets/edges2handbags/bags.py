"""The bags: tote, satchel, flap bag, clutch and hobo."""

from __future__ import annotations

import numpy as np

from i2i.toolkit.drawing import band, between, chance, hsv
from i2i.toolkit.drawing.relief import Material

from .canvas import HandbagCanvas
from .trimmings import arch, chain, folds, pocket, quilt, tassel


def tote(canvas: HandbagCanvas) -> None:
    """Draw an open bag, wider at its top, with two handles, sometimes a pocket or a deep bottom of other hide."""
    rng, model = canvas.rng, canvas.model
    loop = between(rng, 0.3, 0.75)
    canvas.place(between(rng, 0.68, 1.05), loop)
    flare, apart, thick = between(rng, 0, 0.14), between(rng, 0.28, 0.5), between(rng, 0.02, 0.034)
    shade = Material(np.asarray(canvas.second.colour) * 0.6, canvas.second.finish)
    canvas.strap(arch(apart * 0.92, 0.9, 0.97 + loop), thick, shade, sewn=False)
    mouth = canvas.shape([(-0.97, 0.99), (-0.4, 1.05), (0.4, 1.05), (0.97, 0.99), (0.4, 0.95), (-0.4, 0.95)], 0.004)
    model.part(mouth, canvas.lining, round=0.01, outline=0.9)
    body = model.part(
        canvas.panel(-1, 0, 1, 1, between(rng, 0.04, 0.16), flare),
        canvas.main,
        round=canvas.measure(0.2),
        outline=1,
        paint=canvas.pattern(),
    )
    if chance(rng, 0.35):
        foot = canvas.panel(-1.1, -0.1, 1.1, between(rng, 0.16, 0.34), 0.02)
        model.part(foot, canvas.second, round=0.01, within=body, outline=0.9)
    folds(canvas)
    canvas.sew(canvas.shape([(-0.96, 0.945), (0, 0.94), (0.96, 0.945)], 0.003, closed=False))
    if chance(rng, 0.3):
        pocket(canvas, body)
    reach = between(rng, 0.45, 0.86)
    if chance(rng, 0.35):
        for side in (-1, 1):
            line = canvas.shape([(side * apart, 1.0), (side * apart, -0.05)], 0.0, closed=False)
            model.part(band(line, thick), canvas.second, round=0.008, lift=0.002, within=body, outline=0.9)
        reach = 0.9
    canvas.strap(arch(apart, reach, 1 + loop), thick, canvas.second)
    for side in (-1, 1):
        canvas.stud(side * apart, reach + 0.03, 0.007)
    if chance(rng, 0.5):
        canvas.lock(0, between(rng, 0.55, 0.85), between(rng, 0.014, 0.024))


def satchel(canvas: HandbagCanvas) -> None:
    """Draw a structured bag with a domed or square top, a zip, two short handles and often a long strap."""
    rng, model = canvas.rng, canvas.model
    loop, square = between(rng, 0.32, 0.55), chance(rng, 0.45)
    canvas.place(between(rng, 0.58, 0.8), loop)
    apart, thick = between(rng, 0.3, 0.46), between(rng, 0.022, 0.034)
    if chance(rng, 0.3):
        canvas.strap([(-0.9, 0.7), (-1.04, 0.4), (-0.95, 0.1), (-0.6, -0.02)], 0.014, canvas.second, sewn=False)
    shade = Material(np.asarray(canvas.second.colour) * 0.6, canvas.second.finish)
    canvas.strap(arch(apart * 0.9, 0.85, 0.96 + loop), thick, shade, sewn=False)
    top = 0.9 if square else 0.72
    outline = [(-1, 0.1), (-0.98, 0.5), (-0.88, top), (-0.5, 0.98), (0, 1), (0.5, 0.98), (0.88, top), (0.98, 0.5),
               (1, 0.1), (0.9, 0.0), (0, -0.01), (-0.9, 0.0)]  # fmt: skip
    body = model.part(
        canvas.shape(outline, 0.008), canvas.main, round=canvas.measure(0.3), outline=1, paint=canvas.pattern()
    )
    if chance(rng, 0.5):
        for side in (-1, 1):
            patch = [(side * 1.1, -0.1), (side * 1.1, 0.36), (side * 0.8, 0.3), (side * 0.6, 0.0), (side * 0.6, -0.1)]
            model.part(canvas.shape(patch), canvas.second, round=0.008, within=body, outline=0.8)
    if chance(rng, 0.3):
        model.part(canvas.panel(-0.27, -0.1, 0.27, 1.1, 0.0), canvas.second, round=0.006, within=body, outline=0.85)
    folds(canvas)
    canvas.zip([(-0.62, 0.92), (0, 0.945), (0.62, 0.92)])
    if chance(rng, 0.4):
        pocket(canvas, body)
    for side in (-1, 1):
        tab = canvas.panel(side * apart - 0.08, 0.5, side * apart + 0.08, 0.74, 0.05)
        model.part(tab, canvas.second, round=0.008, lift=0.002, outline=0.85)
        canvas.ring(side * apart, 0.76, 0.017)
    canvas.strap(arch(apart, 0.79, 1 + loop), thick, canvas.second)
    if chance(rng, 0.3):
        tassel(canvas, apart * (1 if chance(rng, 0.5) else -1))


def flap_bag(canvas: HandbagCanvas) -> None:
    """Draw a bag with a flap, a clasp or buckled straps, on a chain or a long strap; sometimes quilted."""
    rng, model = canvas.rng, canvas.model
    rise = between(rng, 0.4, 1.0)
    canvas.place(between(rng, 0.62, 0.9), rise)
    chained, width = chance(rng, 0.4), between(rng, 0.014, 0.03)
    line = [(-0.92, 0.86), (-0.72, 0.95 + rise * 0.5), (-0.3, 0.98 + rise * 0.9), (0.0, 1 + rise),
            (0.3, 0.98 + rise * 0.9), (0.72, 0.95 + rise * 0.5), (0.92, 0.86)]  # fmt: skip
    if chained:
        chain(canvas, line)
    else:
        canvas.strap(line, width, canvas.second)
    corner = between(rng, 0.08, 0.3)
    body = model.part(
        canvas.panel(-1, 0, 1, 0.95, corner, between(rng, -0.06, 0.06)),
        canvas.main,
        round=canvas.measure(0.22),
        outline=1,
    )
    quilted = chance(rng, 0.28)
    if quilted:
        quilt(canvas, body)
    low, bow = between(rng, 0.28, 0.6), between(rng, -0.02, 0.14)
    outline = [(-0.99, 0.93), (-0.94, 1.0), (0, 1.02), (0.94, 1.0), (0.99, 0.93), (0.98, low + bow + 0.1),
               (0.82, low + bow), (0.3, low + 0.01), (0, low), (-0.3, low + 0.01), (-0.82, low + bow),
               (-0.98, low + bow + 0.1)]  # fmt: skip
    flap = model.part(
        canvas.shape(outline, 0.004),
        canvas.second if chance(rng, 0.3) else canvas.main,
        round=canvas.measure(0.1),
        lift=0.005,
        outline=1,
    )
    if quilted:
        quilt(canvas, flap)
    rim = [(u * 0.95, v + 0.03) for u, v in outline[5:]]
    canvas.sew(canvas.shape(rim, 0.002, closed=False), 0.25)
    if chance(rng, 0.4):
        for u in (-0.45, 0.45):
            canvas.strap([(u, 0.86), (u, low - 0.1)], 0.026, canvas.second, 0.003)
            canvas.lock(u, low + 0.03, 0.018)
    else:
        canvas.lock(0, low + 0.06, between(rng, 0.016, 0.03))
    for side in (-1, 1):
        canvas.ring(side * 0.93, 0.89, 0.014)


def clutch(canvas: HandbagCanvas) -> None:
    """Draw a flat, wide bag under a pointed or straight flap, with a wrist strap now and then."""
    rng, model = canvas.rng, canvas.model
    canvas.place(between(rng, 0.46, 0.68), 0.1)
    if chance(rng, 0.45):
        canvas.strap(
            [(0.9, 0.8), (1.08, 0.5), (1.05, 0.1), (0.92, -0.1), (0.86, 0.15), (0.92, 0.7)],
            0.018,
            canvas.second,
            sewn=False,
        )
    body = model.part(
        canvas.panel(-0.96, 0, 0.96, 1, between(rng, 0.02, 0.14)),
        canvas.main,
        round=canvas.measure(0.12),
        outline=1,
        paint=canvas.pattern(),
    )
    point = between(rng, 0.2, 0.55)
    edge = point + between(rng, 0, 0.35)
    flap = [(-0.97, 0.97), (0, 1.03), (0.97, 0.97), (0.96, edge + 0.02), (0.3, point + (edge - point) * 0.3),
            (0, point), (-0.3, point + (edge - point) * 0.3), (-0.96, edge + 0.02)]  # fmt: skip
    skin = canvas.second if chance(rng, 0.35) else canvas.main
    cover = model.part(canvas.at(np.asarray(flap)), skin, round=canvas.measure(0.06), lift=0.005, outline=1)
    canvas.sew(canvas.at(np.asarray([(u * 0.94, v + 0.045) for u, v in flap[3:]])), 0.2)
    if chance(rng, 0.2):
        quilt(canvas, np.maximum(body, cover))
    if chance(rng, 0.7):
        canvas.lock(0, point + 0.1, between(rng, 0.016, 0.03))
    if chance(rng, 0.35):
        canvas.zip([(-0.86, 0.9), (0, 0.91), (0.8, 0.9)])


def hobo(canvas: HandbagCanvas) -> None:
    """Draw a slouching crescent that grows into its own shoulder strap."""
    rng, model = canvas.rng, canvas.model
    rise = between(rng, 0.45, 0.8)
    canvas.place(between(rng, 0.62, 0.82), rise)
    dip = between(rng, 0.66, 0.86)
    wide = between(rng, 0.03, 0.055)
    loop = [(-0.8, 0.9), (-0.66, 1 + rise * 0.45), (-0.3, 1 + rise * 0.88), (0, 1 + rise), (0.3, 1 + rise * 0.88),
            (0.66, 1 + rise * 0.45), (0.8, 0.9)]  # fmt: skip
    canvas.strap(loop, wide, canvas.second)
    inner = canvas.shape(
        [
            (-0.8, 0.98),
            (-0.4, dip + 0.1),
            (0, dip + 0.07),
            (0.4, dip + 0.1),
            (0.8, 0.98),
            (0.4, dip - 0.05),
            (-0.4, dip - 0.05),
        ],
        0.004,
    )
    model.part(inner, canvas.lining, round=0.01, outline=0.85)
    outline = [(-0.86, 1.02), (-0.97, 0.72), (-1, 0.4), (-0.86, 0.12), (-0.45, 0.0), (0, -0.01), (0.45, 0.0),
               (0.86, 0.12), (1, 0.4), (0.97, 0.72), (0.86, 1.02), (0.72, 0.98), (0.4, dip + 0.02), (0, dip - 0.03),
               (-0.4, dip + 0.02), (-0.72, 0.98)]  # fmt: skip
    model.part(canvas.shape(outline, 0.012), canvas.main, round=canvas.measure(0.34), outline=1, paint=canvas.pattern())
    folds(canvas)
    folds(canvas)
    canvas.sew(
        canvas.shape(
            [(-0.7, 0.93), (-0.4, dip - 0.03), (0, dip - 0.08), (0.4, dip - 0.03), (0.7, 0.93)], 0.003, closed=False
        )
    )
    for side in (-1, 1):
        canvas.ring(side * 0.79, 0.95, 0.02)
    if chance(rng, 0.5):
        canvas.zip([(-0.5, 0.45), (0, 0.44), (0.5, 0.45)])
    if chance(rng, 0.35):
        patch = Material(hsv(0.07, 0.5, 0.4), "leather")
        model.part(canvas.panel(-0.13, 0.26, 0.13, 0.36, 0.02), patch, round=0.006, outline=0.8)
