"""A page with one surface, for the tests in a browser: ``python -m tests.ui.surface.page PORT``.

The element with the mark ``report`` shows what the server was told last.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
from dataclasses import asdict

import numpy as np
from nicegui import ui
from PIL import Image

from i2i.ui.surface.element import FaceBox, PointPair, Surface

WIDTH, HEIGHT = 120, 90
PALETTE = {"wall": "rgb(13 61 251)", "door": "rgb(165 0 0)"}


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def plain(*colour: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    return png(np.full((size[1], size[0], 3), colour, np.uint8))


def noise() -> np.ndarray:
    """A mask whose PNG takes several messages."""
    return np.random.default_rng(0).integers(0, 256, (900, 900), np.uint8)


@ui.page("/")
def page() -> None:
    def show(value: object) -> None:
        report.text = json.dumps(value)

    async def read_mask() -> None:
        data = await surface.read_mask()
        show(None if data is None else describe(data))

    async def read_drawing() -> None:
        pixels = np.asarray(Image.open(io.BytesIO(await surface.read_drawing())).convert("RGBA"))
        show([pixels[40, 40].tolist(), pixels[5, 5].tolist()])

    async def read_noise() -> None:
        surface.show_image(plain(0, 0, 0, size=(900, 900)), 900, 900)
        surface.set_mask(png(noise()))
        await asyncio.sleep(1)
        data = await surface.read_mask() or b""
        mask = np.asarray(Image.open(io.BytesIO(data)).convert("L")).astype(int)
        show([len(data), int(np.abs(mask - noise()).max())])

    async def frames() -> None:
        for number in range(40):
            surface.show_frame(plain(number, 0, 0, size=(12, 9)))
            await asyncio.sleep(0.005)
        surface.show_frame(plain(0, 200, 0, size=(12, 9)))

    async def preset() -> None:
        surface.set_points([PointPair((30, 40), (60, 40), 5)])
        surface.track_handles({5: (40, 42)})
        surface.set_landmarks([(index, index) for index in range(68)], numbers=True)
        surface.set_arrows([((10, 10), (20, 20))])

    with ui.row():
        ui.button("read mask", on_click=read_mask)
        ui.button("read drawing", on_click=read_drawing)
        ui.button("read noise", on_click=read_noise)
        ui.button("frames", on_click=frames)
        ui.button("preset", on_click=preset)
        ui.button("faces", on_click=lambda: surface.set_faces([FaceBox(0, 0, 50, 50), FaceBox(60, 20, 40, 40)]))
        ui.button("compare", on_click=lambda: surface.compare(plain(200, 0, 0)))
    report = ui.label("nothing").props("id=report")
    surface = Surface(
        palette=PALETTE,
        tool="points",
        on_points=lambda event: show([asdict(pair) for pair in event.points]),
        on_mask=lambda event: show({"empty": event.empty}),
        on_choose=lambda event: show({"face": event.index}),
    )
    surface.show_image(plain(128, 128, 128), WIDTH, HEIGHT)


def describe(data: bytes) -> dict[str, object]:
    image = Image.open(io.BytesIO(data)).convert("L")
    pixels = np.asarray(image)
    return {"size": image.size, "inside": int(pixels[45, 60]), "outside": int(pixels[5, 5])}


if __name__ == "__main__":
    ui.run(host="127.0.0.1", port=int(sys.argv[1]), show=False, reload=False, title="surface")
