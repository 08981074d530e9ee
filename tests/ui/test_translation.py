"""What the tab "Translate" finds out about runs, and drawings as networks read them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import i2i
from i2i.api.field import Field
from i2i.toolkit.images import ImageError, read_image
from i2i.ui.events import Failed, Finished
from i2i.ui.translation import (
    LONGEST,
    Colour,
    InputStyle,
    OpenedRun,
    blank_image,
    compose,
    detect_style,
    encode_input,
    encode_png,
    read_input,
)
from i2i.ui.uploads import LIMITS
from i2i.ui.worker import Worker

from .conftest import EventLog
from .runs import DOOR, WALL, WINDOW


def opened(field: Field | None = None, colours: Sequence[Colour] = ()) -> OpenedRun:
    style = InputStyle("labels", {"wall": WALL, "door": DOOR}, WALL)
    return OpenedRun("run", "pix2pix", "", 2, 16, field or Field("input"), colours, style, ("labels", "photo"))


def labels() -> np.ndarray:
    image = np.full((16, 16, 3), WALL, np.uint8)
    image[4:8, 4:8] = DOOR
    return image


def test_style_of_label_maps_names_the_classes_of_the_dataset() -> None:
    style = detect_style([labels()], ("door", "wall", "sky"), (DOOR, WALL, (9, 9, 9)))
    assert (style.kind, list(style.palette), style.blank) == ("labels", ["wall", "door", "sky"], WALL)


def test_style_of_label_maps_without_a_palette_has_the_colours_that_occur() -> None:
    style = detect_style([labels()])
    assert style.kind == "labels" and style.palette == {"#0d3dfb": WALL, "#a50000": DOOR}


@pytest.mark.parametrize("paper", [255, 0])
def test_style_of_line_drawings_is_paper_and_ink(paper: int) -> None:
    image = np.full((16, 16, 3), paper, np.uint8)
    image[8] = 255 - paper
    style = detect_style([image])
    assert (style.kind, style.blank) == ("lines", (paper,) * 3)
    assert style.palette["ink"] == (255 - paper,) * 3


def test_style_of_photos_is_no_drawing() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    assert detect_style([noise], ("door",), (DOOR,)).kind == "photo" and detect_style([]).kind == "photo"


def test_compose_puts_opaque_pixels_exactly_and_blends_others() -> None:
    drawing = np.zeros((16, 16, 4), np.uint8)
    drawing[:4] = (*WINDOW, 255)
    drawing[4:6] = (255, 255, 255, 128)
    image = compose(labels(), encode_png(drawing))
    assert (image[:4] == WINDOW).all() and (image[6:8, 4:8] == DOOR).all() and (image[12] == WALL).all()
    assert np.abs(image[4, 0].astype(int) - (np.array(WALL) + 255) / 2).max() <= 1
    with pytest.raises(ImageError, match="does not have the size"):
        compose(labels(), encode_png(drawing[:8]))


def test_uploads_become_smaller_without_mixing_classes(tmp_path: Path) -> None:
    big = np.repeat(np.repeat(labels(), 100, axis=0), 100, axis=1)
    Image.fromarray(big).save(tmp_path / "big.png")
    image = read_input(tmp_path / "big.png", opened(), LIMITS)
    assert image.shape == (LONGEST, LONGEST, 3)
    assert {tuple(colour) for colour in np.unique(image.reshape(-1, 3), axis=0).tolist()} == {WALL, DOOR}


def test_label_fields_are_painted_and_written_as_class_numbers(tmp_path: Path) -> None:
    run = opened(field=Field("classes", "labels", classes=2), colours=(DOOR, WALL))
    numbers = np.ones((16, 16), np.uint8)
    numbers[:4] = 0
    (tmp_path / "numbers.png").write_bytes(encode_png(numbers))
    image = read_input(tmp_path / "numbers.png", run, LIMITS)
    assert (image[0] == DOOR).all() and (image[8] == WALL).all()
    assert (np.asarray(Image.open(io.BytesIO(encode_input(image, run)))) == numbers).all()
    assert (blank_image(run) == WALL).all()


def test_worker_opens_a_run_and_translates(worker: Worker, small_run: Path, tmp_path: Path) -> None:
    log = EventLog()
    worker.submit("open_run", {"run": str(small_run)}, log)
    end = log.end()
    assert isinstance(end, Finished), end
    run = end.value
    assert (run.style.kind, run.style.blank, run.size, run.sides) == ("labels", WALL, 32, ("A", "B"))
    example = read_image(run.examples[0])
    assert example.shape == (32, 32, 3)
    results = []
    for number, image in enumerate((example, blank_image(run))):
        path = tmp_path / f"{number}.png"
        path.write_bytes(encode_input(image, run))
        log = EventLog()
        worker.submit("translate", {"run": run.folder, "image": path}, log)
        end = log.end()
        assert isinstance(end, Finished) and (end.value.width, end.value.height) == (32, 32)
        results.append(read_image(end.value.data))
    assert (results[0] != results[1]).any()
    from i2i.inference.prediction import predict

    (file,) = predict(small_run, [tmp_path / "0.png"], tmp_path / "out", device="cpu")
    assert np.abs(read_image(file).astype(int) - results[0]).max() <= 1


def test_worker_refuses_a_folder_that_is_no_run(worker: Worker, tmp_path: Path) -> None:
    log = EventLog()
    worker.submit("open_run", {"run": str(tmp_path)}, log)
    end = log.end()
    assert isinstance(end, Failed) and "is not the folder of a run" in end.message and not end.details


def test_run_without_its_dataset_has_no_examples(small_run: Path) -> None:
    from i2i.training.runs import open_run
    from i2i.ui.translation import describe_run

    run = open_run(small_run)
    run.options["run"]["data_root"] = "/gone"
    described = describe_run(run, i2i.load_registry(), Field("input"), 2)
    assert (described.examples, described.style.kind, described.sides) == ([], "photo", ("A", "B"))
