"""HTML pages of image grids: one file that contains everything it shows."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import reduce
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from ..files import atomic_write
from .grids import Cells, largest_size, present_cells, printable

_PAGE_PIXELS = 2**24  # of all images of a page together; more are shown smaller
_PAGE_BYTES = 7_000_000  # of their files, a quarter less than they take as text
_WHOLE = 128  # px; images with no longer side lose nothing to a JPEG
_QUALITIES = (92, 85, 75, 60)  # of JPEG; the first with which the page stays small enough


def write_page(
    path: Path,
    cells: Cells,
    columns: Sequence[str] = (),
    labels: Sequence[str] = (),
    notes: Sequence[Sequence[str]] = (),
    title: str = "",
    about: Mapping[str, Any] | None = None,
    caption: str = "",
) -> None:
    """Write an image grid as one self-contained HTML file, without scripts, fonts or network access.

    Captions stay visible while the page scrolls; a click on an image enlarges it. Images of up to 128 px are stored as
    PNG, larger ones as JPEG; a page is limited to about 10 MB.

    Args:
        path: The file; it is written completely or not at all.
        cells: Rows of images, each uint8 ``(H, W, 3)``; None leaves a cell empty.
        columns: Captions above the columns.
        labels: Labels to the left of the rows.
        notes: A short text below each cell, in rows as ``cells``; missing ones are empty.
        title: Title of the page and heading of the table.
        about: Values by name, shown below the table, such as the options of the edit.
        caption: A text below the table.
    """
    size = largest_size(present_cells(cells))
    across = max(max(len(row) for row in cells), len(columns))
    sources = iter(_sources(cells))
    head = "".join(f'<th scope="col">{_heading(name)}</th>' for name in columns)
    corner = "<td></td>" if labels else ""
    lines = [f"<thead><tr>{corner}{head}</tr></thead>" if columns else "", "<tbody>"]
    for number, row in enumerate(cells):
        label = _at(labels, number)
        lines.append("<tr>" + (f'<th scope="row">{_heading(label)}</th>' if labels else ""))
        for column, picture in enumerate(row):
            name = " · ".join(part for part in (label, _at(columns, column)) if part)
            note = _at(_at(notes, number, ()), column)
            lines.append("<td></td>" if picture is None else _figure(next(sources), name, note))
        lines.append("</tr>")
    lines.append("</tbody>")
    sizes = {"WIDTH": size[0], "HEIGHT": size[1], "ACROSS": across, "BESIDE": "min(15rem, 27vw)" if labels else "0rem"}
    page = _PAGE.format(
        title=_text(title or "Table"),
        style=reduce(lambda text, each: text.replace(each[0], str(each[1])), sizes.items(), _STYLE),
        table="\n".join(lines),
        caption=f"<p>{_text(caption)}</p>" if caption else "",
        about=_about(about or {}),
    )
    with atomic_write(path) as beside:
        beside.write_text(page, encoding="utf-8")


def _at(texts: Sequence[Any], number: int, otherwise: Any = "") -> Any:
    return texts[number] if number < len(texts) else otherwise


def _text(value: object) -> str:
    return escape(printable(str(value)))


def _heading(name: str) -> str:
    """A name whose lines may break at the joints of file names; where it is cut, hovering shows it whole."""
    return f'<div title="{_text(name)}">{_text(name).replace("_", "_<wbr>")}</div>'


def _figure(source: str, name: str, note: str) -> str:
    below = f"<small>{_text(note)}</small>" if note else ""
    return (
        f'<td><label title="{_text(name)}"><input type="checkbox" aria-label="show large: {_text(name)}">'
        f'<img alt="{_text(name)}" src="{source}"></label>{below}</td>'
    )


def _about(about: Mapping[str, Any]) -> str:
    if not about:
        return ""
    rows = []
    for name, value in about.items():
        plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        rows.append(f"<dt>{_text(name)}</dt><dd>{_text(plain)}</dd>")
    return f"<details><summary>How this was made</summary><dl>{''.join(rows)}</dl></details>"


def _sources(cells: Cells) -> list[str]:
    """Return the ``src`` of the images, row by row: PNG or JPEG files as text."""
    pictures = [Image.fromarray(picture) for picture in present_cells(cells)]
    scale = (_PAGE_PIXELS / sum(picture.width * picture.height for picture in pictures)) ** 0.5
    if scale < 1:
        sizes = [(max(1, int(scale * each.width)), max(1, int(scale * each.height))) for each in pictures]
        pictures = [ImageOps.contain(*pair, Image.Resampling.BICUBIC) for pair in zip(pictures, sizes, strict=True)]
    for quality in _QUALITIES:
        files = [_encode(picture, quality) for picture in pictures]
        if sum(len(file) for _, file in files) <= _PAGE_BYTES:
            break
    return [f"data:image/{kind};base64,{b64encode(file).decode('ascii')}" for kind, file in files]


def _encode(picture: Image.Image, quality: int) -> tuple[str, bytes]:
    file = BytesIO()
    if max(picture.size) <= _WHOLE:
        picture.save(file, format="PNG", optimize=True)
        return "png", file.getvalue()
    picture.save(file, format="JPEG", quality=quality, subsampling=0 if quality > 90 else 2)
    return "jpeg", file.getvalue()


# Should a text ever get past the escaping, the policy still lets nothing run or load.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<table>
{table}
</table>
{caption}
{about}
</body>
</html>
"""

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #333; --faint: #777; --line: #ddd; --mark: #2d6cc2 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181b; --ink: #ddd; --faint: #999; --line: #333; --mark: #7fb0f0 }
}
body { margin: 0; padding: 0 1rem 2rem; width: max-content; min-width: calc(100vw - 4rem);
  background: var(--paper); color: var(--ink); font: 15px/1.4 system-ui, sans-serif }
h1 { position: sticky; left: 1rem; width: max-content; max-width: calc(100vw - 3rem); margin: 1rem 0 .5rem;
  font-size: 1.3rem; font-weight: 600 }
table { border-collapse: separate; border-spacing: 0 }
table { --cell: clamp(8rem, calc((97vw - BESIDE) / ACROSS - .6rem), 20rem) }
th { background: var(--paper); font-weight: 500; padding: .4rem .25rem; overflow-wrap: anywhere }
th div { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden }
thead div { width: var(--cell) }
thead th, thead td { position: sticky; top: 0; z-index: 2; background: var(--paper);
  border-bottom: 1px solid var(--line); vertical-align: bottom }
tbody th { position: sticky; left: 0; z-index: 1; text-align: right; padding-right: .5rem }
tbody div { min-width: 4rem; max-width: min(14rem, 25vw) }
thead td { left: 0; z-index: 3 }
td { padding: .25rem; text-align: center; vertical-align: top }
label { display: block; cursor: zoom-in }
input { position: absolute; opacity: 0; pointer-events: none }
img { display: block; width: var(--cell); aspect-ratio: WIDTH / HEIGHT; object-fit: contain;
  border-radius: 3px }
label:hover img, input:focus-visible + img { outline: 2px solid var(--mark) }
input:checked + img { position: fixed; inset: 0; z-index: 9; box-sizing: border-box; width: 100vw; height: 100vh;
  aspect-ratio: auto; padding: 1rem; outline: none; cursor: zoom-out;
  background: color-mix(in srgb, var(--paper) 92%, transparent) }
small { display: block; width: var(--cell); margin: .15rem 0 .3rem; color: var(--faint); font-size: .8rem;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
details { position: sticky; left: 1rem; margin-top: 1.5rem; width: max-content; max-width: calc(100vw - 3rem);
  color: var(--faint) }
p { position: sticky; left: 1rem; width: max-content; max-width: calc(100vw - 3rem); margin: .8rem 0 0 }
summary { cursor: pointer }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .15rem 1rem }
dd { margin: 0; overflow-wrap: anywhere }
"""
