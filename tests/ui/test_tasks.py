"""Tasks in a worker: edits with frames, outlines, faces, landmarks, rendering and downloads."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import i2i
from i2i.toolkit.images import read_image, save_image
from i2i.toolkit.latents.sampling import draw
from i2i.ui.events import Failed, Finished, Frame, JobProgress
from i2i.ui.worker import Worker

from .conftest import EventLog

pytestmark = pytest.mark.usefixtures("one_thread")  # as the worker, for equal bits


def run(worker: Worker, task: str, log: EventLog | None = None, **arguments: Any) -> Any:
    """Run a task and return its value."""
    log = EventLog() if log is None else log
    worker.submit(task, arguments, log)
    end = log.end()
    assert isinstance(end, Finished), end
    return end.value


@pytest.fixture(scope="session")
def two_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two synthetic faces beside each other on grey."""
    faces = [np.kron(each, np.ones((2, 2, 1), np.uint8)) for each in draw(i2i.generator("demo-faces", "cpu"), [1, 4])]
    side = len(faces[0])
    canvas = np.full((side + 40, 2 * side + 60, 3), 128, np.uint8)
    canvas[20 : 20 + side, 20 : 20 + side], canvas[20 : 20 + side, 40 + side : 40 + 2 * side] = faces
    path = tmp_path_factory.mktemp("photos") / "two.png"
    save_image(path, canvas)
    return path


def test_edit_is_that_of_the_library_and_shows_frames(worker: Worker, tmp_path: Path) -> None:
    options: dict[str, Any] = {"preset": "smile", "steps": 4, "frames": 2}
    log = EventLog()
    made = run(worker, "edit", log, name="drag", images=["seed:3"], out=tmp_path / "a", options=options, interval=0.0)
    i2i.edit("drag", ["seed:3"], out=tmp_path / "b", device="cpu", **options)
    one, other = (read_image(tmp_path / folder / "result.png") for folder in "ab")
    assert np.array_equal(one, other)
    assert {path.name for path in (tmp_path / "b").iterdir()} == set(made.files)
    assert made.converged is False and not made.stopped and made.scalars["steps"] == 4
    assert sorted(made.plots) == ["loss.png", "track.png"]
    assert (made.width, made.height) == read_image(tmp_path / "a" / "result.png").shape[1::-1]
    frames = log.all(Frame)
    assert frames and frames[-1].points is not None and len(frames[-1].points) == made.scalars["handles"]
    with Image.open(BytesIO(frames[-1].image)) as image:
        assert image.format == "JPEG" and image.size == (frames[-1].width, frames[-1].height)
    assert log.all(JobProgress)[-1].done == 4 and "distance" in log.all(JobProgress)[-1].scalars


def test_outline_shows_the_points_that_a_preset_would_move(worker: Worker, tmp_path: Path) -> None:
    (shown,) = run(worker, "outline", name="drag", images=["seed:3"], options={"preset": "smile"})
    assert len(shown.points) == len(shown.targets) == len(shown.names) > 1 and len(shown.landmarks) == 68
    assert shown.names[0].startswith("landmark ") and shown.placement is None and shown.photo is None
    assert shown.mask is not None
    with Image.open(BytesIO(shown.mask)) as mask:
        assert mask.mode == "L" and mask.size == (shown.width, shown.height) and mask.getextrema() == (0, 255)
    made = run(
        worker, "edit", name="drag", images=["seed:3"], out=tmp_path / "out", options={"preset": "smile", "steps": 1}
    )
    assert made.scalars["handles"] == len(shown.points)


def test_outline_of_a_photo_needs_no_inversion_and_tells_where_its_crop_lies(worker: Worker, tmp_path: Path) -> None:
    (face,) = run(worker, "render", images=["seed:3"], kind="png")
    (tmp_path / "face.png").write_bytes(face.data)
    settings = {"crop": "square", "invert": "hybrid", "blend": "none", "seed": 1}
    given: dict[str, Any] = {"name": "drag", "images": [str(tmp_path / "face.png")], "options": {"preset": "smile"}}
    (shown,) = run(worker, "outline", settings=settings, **given)
    assert shown.photo == (face.width, face.height) and len(shown.placement) == 4 and len(shown.points) > 1


def test_editor_without_outline_shows_none(worker: Worker) -> None:
    assert run(worker, "outline", name="invert", images=["seed:1"]) == []


def test_faces_are_numbered_from_the_left(worker: Worker, two_faces: Path, tmp_path: Path) -> None:
    found = run(worker, "faces", photo=two_faces)
    assert (found.width, found.height) == read_image(two_faces).shape[1::-1]
    assert [face.number for face in found.faces] == [1, 2] and found.faces[0].box[0] < found.faces[1].box[0]
    assert all(len(face.landmarks) == 68 for face in found.faces)
    save_image(tmp_path / "grey.png", np.full((64, 64, 3), 128, np.uint8))
    assert list(run(worker, "faces", photo=tmp_path / "grey.png").faces) == []


def test_rendered_images_are_those_of_edits_and_end_with_their_file(worker: Worker, tmp_path: Path) -> None:
    made = run(worker, "edit", name="drag", images=["seed:5"], out=tmp_path / "out", options={"steps": 1, "frames": 0})
    latent = str(tmp_path / "out" / "latent.safetensors")
    seed, again = run(worker, "render", images=["seed:5", latent], kind="png")
    assert seed.width == again.width == made.width and seed.data != again.data
    small, tight = run(worker, "render", images=["seed:5", "seed:6"], size=16, truncation=0.0)
    assert small.data[:2] == b"\xff\xd8" and small.width == 16 and small.data == tight.data  # both the mean
    log = EventLog()
    worker.submit("render", {"images": [str(tmp_path / "out" / "result.png")]}, log)
    end = log.end()
    assert isinstance(end, Failed) and "is no seed:N and no latent" in end.message


def test_landmarks_of_a_result_and_of_a_seed_agree(worker: Worker, tmp_path: Path) -> None:
    (face,) = run(worker, "render", images=["seed:3"], kind="png")
    (tmp_path / "face.png").write_bytes(face.data)
    of_file = run(worker, "landmarks", image=tmp_path / "face.png")
    of_seed = run(worker, "landmarks", image="seed:3")
    assert len(of_file.landmarks) == 68 and of_file == of_seed


def test_fetch_returns_files_that_are_there_and_names_unknown_ones(worker: Worker) -> None:
    (file,) = run(worker, "fetch", names=["demo-faces"])
    assert file.is_file()
    log = EventLog()
    worker.submit("fetch", {"names": ["demo-face"]}, log)
    end = log.end()
    assert isinstance(end, Failed) and "Did you mean 'demo-faces'?" in end.message
