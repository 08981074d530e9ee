"""Sessions: uploads, the tree of edits, files that can be reached, and what repeats an edit."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import i2i
from i2i.cli.edit import command as edit_command
from i2i.toolkit.images import ImageLimits, read_image
from i2i.ui.events import Failed, Finished
from i2i.ui.history import HistoryNode
from i2i.ui.session import PlannedEdit, Session, SessionStore, remove_left_overs
from i2i.ui.uploads import clean_name
from i2i.ui.worker import Worker

from .conftest import EventLog

pytestmark = pytest.mark.usefixtures("one_thread")  # as the worker, for equal bits

QUICK: dict[str, Any] = {"preset": "smile", "steps": 2, "frames": 0}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionStore]:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    made = SessionStore(i2i.load_registry())
    yield made
    made.close()


@pytest.fixture
def session(store: SessionStore) -> Session:
    return store.session()


@pytest.fixture
def guest(store: SessionStore) -> Session:
    """A session that may name no files of the machine."""
    store.local_files = False
    return store.session()


def edit(session: Session, worker: Worker, plan: PlannedEdit) -> HistoryNode:
    log = EventLog()
    worker.submit("edit", plan.arguments, log, session.id)
    end = log.end()
    assert isinstance(end, Finished), end
    return session.add_edit(plan, end.value)


def png(value: int = 90, side: int = 64) -> bytes:
    stream = BytesIO()
    pixels = np.full((side, side, 3), value, np.uint8)
    pixels[: side // 2, : side // 2] = 200
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def test_undo_gives_the_first_result_back_bit_for_bit(session: Session, worker: Worker) -> None:
    root = session.open_image("seed:3", {"truncation": 0.5})
    first = edit(session, worker, session.plan_edit("drag", QUICK))
    before = session.file(first.number, "result.png").read_bytes()
    second = edit(session, worker, session.plan_edit("drag", {**QUICK, "preset": "open_mouth"}))
    assert second.images[0] == str(first.out / "latent.safetensors") if first.out else False
    history = session.history
    assert history.undo() == first and history.can_redo
    assert session.file(first.number, "result.png").read_bytes() == before
    assert history.undo() == root and not history.can_undo
    assert history.redo() == first and history.redo() == second and not history.can_redo
    assert first.thumbnail[:2] == b"\xff\xd8"


def test_edit_after_undo_begins_a_branch_and_reset_goes_to_the_image(session: Session, worker: Worker) -> None:
    history, root = session.history, session.open_image("seed:3")
    with pytest.raises(i2i.UsageError, match="nothing to undo"):
        history.undo()
    one = edit(session, worker, session.plan_edit("drag", QUICK))
    history.undo()
    other = edit(session, worker, session.plan_edit("drag", {**QUICK, "preset": "open_mouth"}))
    assert history.children(root.number) == [one, other] and history.reset() == root
    assert history.redo() == other and history.go_to(one.number) == one
    assert history.undo() == root and history.redo() == one
    mixed = session.plan_edit("mix", {}, images=[other.number])
    assert mixed.arguments["images"] == [str(node.out / "latent.safetensors") for node in (one, other) if node.out]
    photo = session.open_image("seed:9")
    assert history.current == photo and history.path(one.number) == [root, one]
    with pytest.raises(i2i.UsageError, match="There is no step 77"):
        history.go_to(77)


def test_settings_that_mean_nothing_to_an_image_are_left_out(session: Session) -> None:
    upload = session.upload("me.png", png())
    given = {"generator": "demo-faces", "crop": "square", "face": "left", "truncation": 0.4, "invert": "hybrid"}
    session.open_image(upload, given)
    assert session.plan_edit("drag").arguments["settings"] == {
        name: value for name, value in given.items() if name != "truncation"
    }
    session.open_image("seed:1", given)
    assert session.plan_edit("drag", settings={"blend": "none"}).arguments["settings"] == {
        "generator": "demo-faces",
        "truncation": 0.4,
        "blend": "none",
    }


def test_commands_and_python_do_exactly_what_a_node_did(
    session: Session, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.open_image("seed:3", {"truncation": 0.5, "generator": "demo-faces"})
    edit(session, worker, session.plan_edit("drag", {**QUICK, "point": ("20,30:22,30", "40,30:42,31"), "track": False}))
    node = edit(session, worker, session.plan_edit("drag", {**QUICK, "keep_outside": False}, {"seed": 4}))
    wanted = read_image(session.file(node.number, "result.png"))
    commands = session.as_command(node.number).splitlines()
    assert len(commands) == 2 and str(session.folder) not in "".join(commands)
    assert "--image edits/step-1/latent.safetensors" in commands[1] and "--no-keep-outside" in commands[1]
    assert "--extractor" not in commands[0] and "--truncation 0.5" in commands[0]
    monkeypatch.chdir(tmp_path)
    for command in commands:
        words = shlex.split(command)
        done = CliRunner().invoke(edit_command, [*words[2:], "--device", "cpu"], obj=session.registry)
        assert words[:2] == ["i2i", "edit"] and done.exit_code == 0, done.output
    assert np.array_equal(read_image(tmp_path / "edits" / "step-2" / "result.png"), wanted)
    (tmp_path / "python").mkdir()
    monkeypatch.chdir(tmp_path / "python")
    exec(compile(session.as_python(node.number), "copied", "exec"), {})
    assert np.array_equal(read_image(tmp_path / "python" / "edits" / "step-2" / "result.png"), wanted)


@pytest.mark.parametrize("name", ["recipe.json", "result.png"])
def test_recipe_and_edited_image_restore_the_edit(
    name: str, session: Session, store: SessionStore, worker: Worker
) -> None:
    session.open_image("seed:3", {"truncation": 0.5})
    node = edit(session, worker, session.plan_edit("drag", QUICK, {"blend": "none"}))
    file = session.file(node.number, name)
    store.local_files = False
    fresh = store.session()
    plan = fresh.restore(fresh.upload(name, file.read_bytes()))
    again = edit(fresh, worker, plan)
    assert np.array_equal(
        read_image(fresh.file(again.number, "result.png")), read_image(session.file(node.number, "result.png"))
    )
    root = fresh.history.path(again.number)[0]
    assert root.image == "seed:3" and root.settings["truncation"] == 0.5


def test_recipe_of_another_generator_is_refused(session: Session, worker: Worker) -> None:
    session.open_image("seed:3")
    node = edit(session, worker, session.plan_edit("drag", QUICK))
    recipe = json.loads(session.file(node.number, "recipe.json").read_text(encoding="utf-8"))
    recipe["generator"]["sha256"], recipe["version"] = "0" * 64, "0.0"
    log = EventLog()
    plan = session.restore(session.upload("recipe.json", json.dumps(recipe).encode()))
    worker.submit("edit", plan.arguments, log, session.id)
    end = log.end()
    assert isinstance(end, Failed)
    assert session.without_folders(end.message) == (
        "The generator demo-faces is not the one that recipe.json was made with; restore that one or edit again."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"plugin": "./evil.py"},
        {"photos": [{"name": "image", "path": "/etc/passwd", "sha256": "0"}]},
        {"photos": [{"name": "../../etc/passwd", "seed": "1"}]},
        {"options": {"mask": "/etc/passwd"}, "option_files": {}},
        {"options": {"mask": "/etc/passwd"}, "option_files": {"mask": "0"}},
        {"generator": {"source": "/etc/passwd"}},
        {"terms": {"out": "/etc"}},
        {"terms": {"invert": {"method": "/tmp/evil.py"}}},
        {"origin": {"path": "/tmp/evil.py"}},
        {"extractors": {"landmarks": "/etc/passwd"}},
        {"extractor_options": {"encoder": {"weights": "/etc/passwd"}}},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_recipes_of_guests_reach_no_files_of_the_machine(changes: dict[str, Any], guest: Session) -> None:
    recipe = {"plugin": "drag", "options": {}, "seed": 0, "photos": [{"name": "image", "seed": "1"}]}
    recipe |= {"generator": {"source": "demo-faces"}, "terms": {"truncation": 0.5}}
    guest.restore(guest.upload("recipe.json", json.dumps(recipe).encode()))
    with pytest.raises(i2i.I2IError):
        guest.restore(guest.upload("recipe.json", json.dumps(recipe | changes).encode()))


def test_recipe_of_a_latent_asks_for_it_and_finds_it_by_its_checksum(
    session: Session, guest: Session, worker: Worker
) -> None:
    session.open_image("seed:3")
    first = edit(session, worker, session.plan_edit("drag", QUICK))
    second = edit(session, worker, session.plan_edit("drag", QUICK))
    recipe = guest.upload("recipe.json", session.file(second.number, "recipe.json").read_bytes())
    with pytest.raises(
        i2i.I2IError, match=r"recipe.json edits latent.safetensors, which is not in this session; upload"
    ):
        guest.restore(recipe)
    latent = guest.upload("another name.safetensors", session.file(first.number, "latent.safetensors").read_bytes())
    assert guest.restore(recipe).arguments["images"] == [str(latent.path)]


def test_image_without_recipe_is_refused(session: Session) -> None:
    with pytest.raises(i2i.UsageError, match=r"plain.png holds no recipe of an edit"):
        session.restore(session.upload("plain.png", png()))


def test_no_name_leads_out_of_the_session(session: Session, worker: Worker, tmp_path: Path) -> None:
    session.open_image("seed:3")
    node = edit(session, worker, session.plan_edit("drag", QUICK))
    assert node.out is not None
    (tmp_path / "secret").write_text("secret")
    assert set(session.files(node.number)) == {path.name for path in node.out.iterdir()}
    for name in ("../upload-1/x", "/etc/passwd", "..", "", ".", "secret", "result.png\x00", "./result.png"):
        with pytest.raises(i2i.UsageError, match="has no file"):
            session.file(node.number, name)
    (node.out / "result.png").unlink()
    (node.out / "result.png").symlink_to(tmp_path / "secret")
    with pytest.raises(i2i.UsageError, match="has no file"):
        session.file(node.number, "result.png")
    moved = node.out.rename(tmp_path / "moved")
    node.out.symlink_to(moved)
    with pytest.raises(i2i.UsageError, match="has no file"):
        session.file(node.number, "recipe.json")


def test_guests_may_name_no_files_of_the_machine(guest: Session, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(png())
    (tmp_path / "evil.py").write_text("raise SystemExit")
    outside = str(tmp_path / "photo.png")
    with pytest.raises(i2i.UsageError, match="is not a file of this session; upload it"):
        guest.open_image(outside)
    for settings in (
        {"generator": outside},
        {"extractors": {"landmarks": outside}},
        {"invert": outside},
        {"extractor_options": {"encoder": {"weights": outside}}},
    ):
        with pytest.raises(i2i.UsageError):
            guest.open_image("seed:1", settings)
    guest.open_image("seed:1", {"generator": "demo-faces", "invert": "hybrid"})
    with pytest.raises(i2i.UsageError, match="There is no editor called"):
        guest.plan_edit(str(tmp_path / "evil.py"))
    for image in (outside, f"image={outside}", f"x=../../{outside}", "../../../etc/passwd"):
        with pytest.raises(i2i.UsageError, match="is not a file of this session"):
            guest.plan_edit("drag", images=[image])
    with pytest.raises(i2i.UsageError, match=r"--mask .* is not a file of this session"):
        guest.plan_edit("drag", {"mask": outside})
    mask = guest.upload("mask.png", png(255))
    assert guest.plan_edit("drag", {"mask": mask.path}).arguments["options"] == {"mask": mask.path}
    assert guest.plan_edit("drag", {"mask": "none"}).arguments["options"] == {"mask": "none"}


def test_uploads_are_bounded_and_decoded_by_the_guarded_reader(store: SessionStore) -> None:
    store.limits = ImageLimits(pixels=10_000, bytes=5_000, symlinks=False)
    session = store.session()
    for name, data, told in (
        ("text.png", b"hello, I am text", r"^\S*text.png: it is no JPEG, PNG or other image, but text"),
        ("large.png", png(side=128), "it has 128 x 128 pixels, and more than 10000 are refused"),
        ("long.png", b"\x89PNG" + bytes(6_000), "the file has more than 5000 bytes, which are refused"),
        ("empty.jpg", b"", "the file is empty"),
    ):
        for given in (data, BytesIO(data)):
            with pytest.raises(i2i.I2IError, match=told) as error:
                session.upload(name, given)
            assert str(session.folder) not in str(error.value)
    assert list(session.folder.iterdir()) == [] and session.uploads == []
    upload = session.upload("../../my photo.png", png())
    assert (upload.name, upload.kind, upload.width, upload.height) == ("my photo.png", "image", 64, 64)
    assert upload.path.parent.parent == session.folder and session.upload("my photo.png", png()).path != upload.path
    assert session.open_image(upload).thumbnail[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a b.JPG", "a b.JPG"),
        (".hidden", "hidden"),
        ("-rf.png", "rf.png"),
        ("", "upload"),
        ("..", "upload"),
        ("a\x00\n<b>.png", "a___b_.png"),
        ("Grüße.png", "Grüße.png"),
        ("x" * 300 + ".png", "x" * 76 + ".png"),
    ],
)
def test_names_of_uploads_are_harmless(name: str, clean: str) -> None:
    assert clean_name(name) == clean


def test_folders_are_private_and_removed(store: SessionStore) -> None:
    session = store.session()
    session.upload("a.png", png())
    for folder in (store.folder, session.folder, session.uploads[0].path.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    session.close()
    assert not session.folder.exists() and store.folder.exists()
    store.close()
    assert not store.folder.exists()


def test_folders_of_dead_processes_are_removed_and_others_stay(store: SessionStore, tmp_path: Path) -> None:
    code = (
        "import os, tempfile, sys, i2i; tempfile.tempdir = sys.argv[1]; from i2i.ui.session import SessionStore; "
        "print(SessionStore(i2i.load_registry()).folder, flush=True); os._exit(1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "tmp")], capture_output=True, text=True, check=False
    )
    dead = Path(done.stdout.strip())
    assert dead.is_dir() and dead != store.folder
    young, old, link = (tmp_path / "tmp" / f"i2i-ui-{name}" for name in ("young", "old", "link"))
    young.mkdir()
    old.mkdir()
    os.utime(old, (time.time() - 3600,) * 2)
    link.symlink_to(tmp_path)
    assert sorted(remove_left_overs()) == sorted([dead, old])
    assert store.folder.is_dir() and young.is_dir() and link.is_symlink() and tmp_path.is_dir()


def test_photo_is_pasted_back_and_named_as_the_user_named_it(session: Session, worker: Worker) -> None:
    log = EventLog()
    worker.submit("render", {"images": ["seed:3"], "kind": "png"}, log)
    end = log.end()
    assert isinstance(end, Finished)
    with Image.open(BytesIO(end.value[0].data)) as image:
        face = np.pad(np.array(image), ((0, 0), (8, 8), (0, 0)), mode="edge")
    stream = BytesIO()
    Image.fromarray(face).save(stream, "png")
    upload = session.upload("me and you.png", stream.getvalue())
    session.open_image(upload, {"crop": "square", "generator": "demo-faces", "invert": {"steps": 3}})
    mask = session.upload("mask.png", png(255, face.shape[0]))
    plan = session.plan_edit("drag", {**QUICK, "mask": mask.path}, {"keep": False})
    log = EventLog()
    worker.submit("edit", plan.arguments, log, session.id)
    end = log.end()
    assert isinstance(end, Failed) and end.message.startswith(f"--mask {session.folder}/upload-")
    assert session.without_folders(end.message).startswith("--mask mask.png has 64 x 64 pixels and the image 80 x 64")
    session.discard(plan)
    assert not plan.out.exists() and session.history.current is not None and session.history.current.outcome is None
    node = edit(session, worker, session.plan_edit("drag", QUICK, {"keep": False}))
    assert "photo.png" in session.files(node.number)
    (command,) = session.as_command(node.number).splitlines()
    assert command.startswith("i2i edit --plugin drag --image 'me and you.png' --crop square --invert ")
    assert "steps=3" in command and "--fresh" in command and str(session.folder) not in command
    again = edit(session, worker, session.plan_edit("drag", QUICK))
    assert "photo.png" in session.files(again.number) and again.images == (f"{node.out}/latent.safetensors",)


def test_page_plans_edits_without_torch(tmp_path: Path) -> None:
    """The process of the page starts quickly and stays small; only workers import torch."""
    code = (
        "import sys, tempfile, i2i; tempfile.tempdir = sys.argv[1]; from i2i.ui.session import SessionStore; "
        "import i2i.ui.worker; store = SessionStore(i2i.load_registry()); session = store.session(); "
        "session.open_image('seed:1'); session.plan_edit('drag', {'preset': 'smile'}); store.close(); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n" and done.stderr == "" and list(tmp_path.iterdir()) == []
