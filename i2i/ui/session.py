"""The session of one user: a temporary folder, uploads and the history of edits."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..api.errors import I2IError, UsageError
from ..api.options import describe, option_flag
from ..editing.inputs import InputSlot, is_rendered
from ..editing.recipes import RECIPE, Recipe, read_recipe
from ..editing.settings import EditSettings
from ..toolkit.files import hash_file
from ..toolkit.images import ImageError, ImageLimits, read_image, read_image_text, resize
from .commands import EditCall, call_of_recipe
from .history import History, HistoryNode
from .tasks import QUALITY, EditOutcome
from .uploads import LIMITS, Upload, store_upload

if TYPE_CHECKING:
    import numpy as np
    from filelock import BaseFileLock

    from ..api.editor import Editor
    from ..registry import Registry

PREFIX = "i2i-ui-"
"""Beginning of the names of folders in the system's temporary folder."""
THUMBNAIL = 160
"""Longest side of a thumbnail, pixels."""
MAX_UPLOADS = 2**30
"""Largest total size of the uploads of a session, bytes."""
_LOCK = ".lock"
_YOUNG = 60.0
"""Seconds in which a folder without a lock may still be one that is being made."""
_LATENT = "latent.safetensors"
_RESULT = "result.png"
_PHOTO_SETTINGS = frozenset({"crop", "face", "eyes", "mouth", "invert"})
"""Settings that are refused, or have no effect, where no photo is cropped."""
_GENERATOR_SETTINGS = frozenset({"generator", "generator_options", "truncation", *_PHOTO_SETTINGS})
"""Settings that editors of pixels refuse, or that have no effect with them."""
_RECIPE_SETTINGS = frozenset({"animation", "fps", "keep"})
"""Settings that a recipe does not record."""


class SessionStore:
    """The folder of all sessions of this process, ``i2i-ui-...`` in the system's temporary folder, mode 0700.

    It is locked while the process lives, so that the next one can tell and remove the folders of dead processes.
    """

    def __init__(self, registry: Registry, *, local_files: bool = True, limits: ImageLimits = LIMITS) -> None:
        """Remove the folders of dead processes and make a new one.

        Args:
            registry: Where editors, generators and extractors are looked up.
            local_files: Whether requests may name files outside of their session, as only a local user may.
            limits: What an upload may be at most.
        """
        from filelock import FileLock

        remove_left_overs()
        self.registry, self.local_files, self.limits = registry, local_files, limits
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock: BaseFileLock = FileLock(self.folder / _LOCK)
        self._lock.acquire(timeout=0)

    def session(self) -> Session:
        """Begin a session."""
        folder = Path(tempfile.mkdtemp(prefix="session-", dir=self.folder))
        return Session(folder, self.registry, local_files=self.local_files, limits=self.limits)

    def close(self) -> None:
        """Remove the folder with all sessions; safe to call twice."""
        self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_left_overs() -> list[Path]:
    """Remove the folders of processes that have died, and return them; folders of other users are left alone."""
    from filelock import FileLock, Timeout

    removed = []
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError, Timeout):
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or (hasattr(os, "getuid") and status.st_uid != os.getuid()):
                continue
            if not (folder / _LOCK).exists() and time.time() - status.st_mtime < _YOUNG:
                continue
            with FileLock(folder / _LOCK, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


@dataclass(frozen=True)
class PlannedEdit:
    """An edit that is about to run: the arguments of the task ``edit``, and where its result goes in the history."""

    parent: int
    """The node that is edited."""
    arguments: Mapping[str, Any]
    """For ``Worker.submit("edit", ...)``; ``out`` is a new folder of the session."""
    own_settings: Mapping[str, Any] = field(default_factory=dict)
    """The settings of this edit alone, without those of the opened image."""

    @property
    def out(self) -> Path:
        """The output directory."""
        return Path(self.arguments["out"])

    @property
    def outline_arguments(self) -> dict[str, Any]:
        """Arguments of the task ``outline``, which shows what the edit would do."""
        return {name: self.arguments[name] for name in ("name", "images", "settings", "options")}


class Session:
    """What belongs to one user. Methods that read or write files may take a moment: call them in a thread."""

    def __init__(
        self, folder: Path, registry: Registry, *, local_files: bool = True, limits: ImageLimits = LIMITS
    ) -> None:
        """Begin a session in an empty folder; arguments as of ``SessionStore``."""
        self.folder, self.registry, self.local_files, self.limits = folder.resolve(), registry, local_files, limits
        self.id = folder.name
        """For ``Worker.submit(owner=)``."""
        self.history = History()
        self.uploads: list[Upload] = []
        self._lock, self._count = threading.Lock(), 0

    def close(self) -> None:
        """Remove all files; jobs that write to them must have ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _new_folder(self, kind: str) -> Path:
        """Return a path in the session that does not exist yet."""
        with self._lock:
            self._count += 1
            return self.folder / f"{kind}-{self._count}"

    # Images

    def upload(self, name: str, data: bytes | BinaryIO) -> Upload:
        """Store a photo, mask, latent or recipe.

        Raises:
            I2IError: it is too large, or no image that can be read, or the uploads of the session are too large.
        """
        used = sum(upload.path.stat().st_size for upload in self.uploads)
        if used >= MAX_UPLOADS:
            raise I2IError(f"The uploads of this session have {used // 2**20} MB; reload the page to begin anew.")
        upload = store_upload(name, data, self._new_folder("upload"), self.limits)
        self.uploads.append(upload)
        return upload

    def open_image(self, image: str | Upload, settings: Mapping[str, Any] | None = None) -> HistoryNode:
        """Make an image the current one, as the root of its own tree.

        Args:
            image: An upload, ``seed:N`` or the path of a photo or latent.
            settings: Keyword arguments of ``i2i.edit`` for all edits of it: ``generator``, ``generator_options``,
                ``truncation``, ``crop``, ``face``, ``eyes``, ``mouth`` and ``invert``.

        Raises:
            UsageError: the image or a setting names a file outside of the session, and only files of it may be named.
            I2IError: the photo cannot be read.
        """
        path = image.path if isinstance(image, Upload) else None
        text = str(image) if path is None else str(path)
        self._check_image(text)
        self._check_settings(settings or {})
        thumbnail = b"" if is_rendered(text) else _thumbnail(read_image(text))
        label = text if text.startswith("seed:") else Path(text).name
        return self.history.add(HistoryNode(0, None, label, text, dict(settings or {}), thumbnail=thumbnail))

    def set_rendered(self, number: int, data: bytes) -> None:
        """Make the thumbnail of an opened seed or latent from its image, an encoded one."""
        self.history.set_thumbnail(number, _thumbnail(read_image(data)))

    # Edits

    def plan_edit(
        self,
        editor: str,
        options: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        images: Sequence[str | int | Upload] = (),
    ) -> PlannedEdit:
        """Plan an edit of the current node; settings that mean nothing to its images are left out.

        Args:
            editor: Its name.
            options: Options of the editor.
            settings: Keyword arguments of ``i2i.edit`` for this edit; they come before those of the opened image.
            images: Further images, in the order of the editor: ``seed:N``, a path, an upload or the number of a node.

        Raises:
            UsageError: no image is open, or a file outside of the session is named where that is not allowed.
        """
        node = self.history.current
        if node is None:
            raise UsageError("No image is open; open a photo or a seed first.")
        given = dict(settings or {})
        self._check_editor(editor)
        self._check_settings(given)
        self._check_options(editor, options or {})
        wants = self._wants(editor)
        inputs = [self.input_of(node, wants), *(self._input(image, editor) for image in images)]
        return self._plan(node, editor, inputs, given, options or {})

    def _plan(
        self,
        node: HistoryNode,
        editor: str,
        inputs: Sequence[str],
        given: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> PlannedEdit:
        merged = {**self.history.path(node.number)[0].settings, **given}
        arguments = {
            "name": editor,
            "images": list(inputs),
            "out": self._new_folder("edit"),
            "settings": self._fitting_settings(editor, inputs, merged),
            "options": dict(options),
        }
        return PlannedEdit(node.number, arguments, dict(given))

    def _declared(self, editor: str, attribute: str) -> Any:
        """Return a class attribute of an editor; a registered one need not be imported."""
        if editor in self._names("editor"):
            return self.registry.entry("editor", editor).get(attribute)
        return getattr(self._kind(editor), attribute)

    def _wants(self, editor: str) -> str:
        return str(self._declared(editor, "wants"))

    def _without_slot(self, text: str, editor: str) -> str:
        """Return an image without the ``NAME=`` before it, which is one of the editor's names."""
        slots = [InputSlot.of(declared).name for declared in self._declared(editor, "photos")]
        name, sign, rest = text.partition("=")
        return rest if sign and name in slots else text

    def _names(self, kind: str) -> Sequence[str]:
        return list(self.registry.names(kind))

    def _fitting_settings(self, editor: str, inputs: Sequence[str], merged: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out what the editor or its images do not use, and crop results without a latent as they are."""
        unused: set[str] = set()
        plain = [self._without_slot(text, editor) for text in inputs]
        photos = [text for text in plain if not is_rendered(text)]
        if self._wants(editor) == "pixels":
            unused |= _GENERATOR_SETTINGS
        elif not photos:
            unused |= _PHOTO_SETTINGS
        if self._wants(editor) != "latent":
            unused |= {"invert"}
        if not any(text.startswith("seed:") for text in plain):
            unused |= {"truncation"}
        fitting = {name: value for name, value in merged.items() if name not in unused}
        if photos and "crop" not in unused and all(self._is_result(Path(text)) for text in photos):
            fitting = {name: value for name, value in fitting.items() if name not in _PHOTO_SETTINGS - {"invert"}}
            fitting["crop"] = "square"
        return fitting

    def _is_result(self, path: Path) -> bool:
        return any(node.out == path.parent for node in self.history if node.out is not None)

    def input_of(self, node: HistoryNode, wants: str = "latent") -> str:
        """Return what an editor gets as the image of a node: what was opened, or the latent or result of an edit."""
        if node.outcome is None:
            return node.image
        name = _LATENT if wants != "pixels" and _LATENT in node.outcome.files else _RESULT
        return str(node.outcome.out / name)

    def _input(self, image: str | int | Upload, editor: str) -> str:
        if isinstance(image, int):
            return self.input_of(self.history.node(image), self._wants(editor))
        text = str(image.path) if isinstance(image, Upload) else image
        self._check_image(self._without_slot(text, editor))
        return text

    def add_edit(self, plan: PlannedEdit, outcome: EditOutcome) -> HistoryNode:
        """Add the result of an edit to the history and make it the current node."""
        node = HistoryNode(
            *(0, plan.parent, str(plan.arguments["name"])),
            settings=plan.own_settings,
            editor=str(plan.arguments["name"]),
            options=dict(plan.arguments["options"]),
            images=tuple(plan.arguments["images"]),
            outcome=outcome,
            thumbnail=_thumbnail(read_image(outcome.out / _RESULT)),
        )
        return self.history.add(node)

    def discard(self, plan: PlannedEdit) -> None:
        """Remove what an edit without a result left."""
        shutil.rmtree(plan.out, ignore_errors=True)

    # Files

    def files(self, number: int) -> list[str]:
        """Return the names of the files of a node that can be downloaded; none for an image that was opened."""
        outcome = self.history.node(number).outcome
        return [] if outcome is None else list(outcome.files)

    def file(self, number: int, name: str) -> Path:
        """Return the path of a file of a node.

        Raises:
            UsageError: the node has no such file, or a link or something else took its place.
        """
        outcome = self.history.node(number).outcome
        if outcome is not None and name in outcome.files and Path(name).name == name:
            path = outcome.out / name
            with suppress(OSError):
                regular = stat.S_ISREG(path.lstat().st_mode)
                if regular and path.resolve() == path and path.is_relative_to(self.folder):
                    return path
        raise UsageError(f"Step {number} has no file {name!r}; choose one of those that are listed.")

    def without_folders(self, text: str) -> str:
        """Return a message with files of the session called by their names, as the user knows them."""
        return re.sub(rf"{re.escape(str(self.folder))}/(?:\w+-\d+/)?", "", text)

    # Repetition

    def as_command(self, number: int) -> str:
        """Return the commands that make the image of a node again, one line for each edit."""
        return "\n".join(call.as_command() for call in self._calls(number))

    def as_python(self, number: int) -> str:
        """Return the Python code that makes the image of a node again."""
        return "\n".join(["import i2i", "", *(call.as_python() for call in self._calls(number))])

    def _calls(self, number: int) -> list[EditCall]:
        """Return the calls of a node after those that make its inputs; files of the user are called by their names."""
        steps: dict[int, str] = {}
        calls: list[EditCall] = []

        def rename(path: Path) -> str:
            maker = next((node for node in self.history if node.out == path.parent), None)
            if maker is not None:
                return f"{steps[maker.number]}/{path.name}"
            return path.name if path.is_relative_to(self.folder) else str(path)

        def visit(node: HistoryNode) -> None:
            if node.outcome is None or node.number in steps:
                return
            for image in node.images:
                folder = Path(self._without_slot(image, node.editor)).parent
                for maker in self.history:
                    if maker.out == folder:
                        visit(maker)
            steps[node.number] = f"edits/step-{len(steps) + 1}"
            extra = {name: value for name, value in node.settings.items() if name in _RECIPE_SETTINGS}
            recipe = read_recipe(node.outcome.out / RECIPE)
            photos, model = (self._declared(node.editor, name) for name in ("photos", "Options"))
            out = steps[node.number]
            calls.append(call_of_recipe(recipe, node.editor, photos, model, self.registry, out, rename, extra))

        visit(self.history.node(number))
        return calls

    def restore(self, file: str | Upload) -> PlannedEdit:
        """Open the image of a ``recipe.json``, or of an edited PNG, and plan its edit.

        Its photos and other files are looked up by their checksums among the files of the session; a local user's may
        also lie where they were.

        Raises:
            UsageError: the file holds no recipe, or names files outside of the session where that is not allowed.
            I2IError: a file of the recipe is not here, or its editor comes from a file.
        """
        path = file.path if isinstance(file, Upload) else Path(file)
        self._check_path(path, str(path))
        recipe = self._read_recipe(path)
        if recipe.origin is not None or recipe.inverter_origins:
            raise I2IError(f"{path.name} was made with a plugin of a file; type i2i edit --recipe {path.name} instead.")
        self._check_editor(recipe.plugin)
        slots = [InputSlot.of(declared).name for declared in self._declared(recipe.plugin, "photos")]
        terms_known = recipe.terms.keys() <= {"generator", "eyes", "mouth", *EditSettings().plain()}
        if not terms_known or not all(photo["name"] in slots for photo in recipe.photos):
            raise UsageError(f"{path.name} is not a recipe as i2i writes it; open the recipe.json of an edit.")
        inputs = [self._recorded_input(photo, path, len(slots) > 1) for photo in recipe.photos]
        if not inputs:
            raise UsageError(f"{path.name} is the recipe of an edit without images, which cannot be opened here.")
        options = {name: value for name, value in recipe.options.items() if name != "seed"}
        for name, sha256 in recipe.option_files.items():
            options[name] = str(self._find_file(Path(str(options[name])), sha256, path))
        self._check_options(recipe.plugin, options)
        opened, given = self._settings_of(recipe)
        self._check_settings({**opened, **given})
        root = self.open_image(self._without_slot(inputs[0], recipe.plugin), opened)
        plan = self._plan(root, recipe.plugin, inputs, given, options)
        return replace(plan, arguments={**plan.arguments, "recipe": recipe.path})

    def _read_recipe(self, path: Path) -> Recipe:
        """Read a recipe, or that in the metadata of a PNG."""
        if path.suffix.lower() == ".json":
            return read_recipe(path)
        try:
            text = read_image_text(path).get("i2i", "")
            json.loads(text)
        except (ImageError, ValueError):
            raise UsageError(
                f"{path.name} holds no recipe of an edit; open recipe.json, or a result.png as the edit wrote it."
            ) from None
        folder = self._new_folder("recipe")
        folder.mkdir(mode=0o700)
        copy = folder / RECIPE
        copy.write_text(text, encoding="utf-8")
        return read_recipe(copy)

    def _settings_of(self, recipe: Recipe) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the settings of a recipe that belong to its image, and those of its edit."""
        terms = {name: value for name, value in recipe.terms.items() if value not in (None, {})}
        opened = {name: value for name, value in terms.items() if name in _GENERATOR_SETTINGS}
        given = {name: value for name, value in terms.items() if name not in _GENERATOR_SETTINGS}
        opened |= {"generator_options": recipe.generator_options} if recipe.generator_options else {}
        for name in ("extractors", "extractor_options"):
            given |= {name: value} if (value := getattr(recipe, name)) else {}
        return opened, given | ({"seed": recipe.seed} if recipe.seed else {})

    def _recorded_input(self, photo: Mapping[str, str], recipe: Path, named: bool) -> str:
        if "seed" in photo:
            image = f"seed:{photo['seed']}"
        else:
            image = str(self._find_file(Path(photo["path"]), photo["sha256"], recipe))
        return f"{photo['name']}={image}" if named else image

    def _find_file(self, path: Path, sha256: str, recipe: Path) -> Path:
        """Return the file with this checksum.

        Raises:
            I2IError: there is none.
        """
        own = [upload.path for upload in self.uploads]
        own += [
            self.file(node.number, name)
            for node in self.history
            for name in (_LATENT, _RESULT)
            if node.outcome and name in node.outcome.files
        ]
        candidates = [*own, *([path] if self.local_files and path.is_absolute() else [])]
        for candidate in candidates:
            if candidate.is_file() and hash_file(candidate) == sha256:
                return candidate
        raise I2IError(f"{recipe.name} edits {path.name}, which is not in this session; upload it, then open it again.")

    # Checks

    def _kind(self, editor: str) -> type[Editor]:
        name, registry = self.registry.resolve("editor", editor)
        kind: type[Editor] = registry.get("editor", name)
        return kind

    def _check_path(self, path: Path, text: str) -> None:
        """Refuse a file outside of the session where only its own may be named.

        Raises:
            UsageError: it lies outside.
        """
        if self.local_files or path.resolve().is_relative_to(self.folder):
            return
        raise UsageError(f"{text} is not a file of this session; upload it.")

    def _check_image(self, text: str) -> None:
        if not text.startswith("seed:"):
            self._check_path(Path(text), text)

    def _check_editor(self, editor: str) -> None:
        """Refuse an editor that is not registered, such as a file of code, where only registered ones may be named."""
        if not self.local_files:
            self.registry.entry("editor", editor)

    def _check_settings(self, settings: Mapping[str, Any]) -> None:
        """Refuse weights and code that are named by their path, where only registered ones may be.

        Raises:
            UsageError: a generator, an extractor or an inverter is not registered.
        """
        if self.local_files:
            return
        generators = [*self.registry.where("model", role="generator"), *self._names("generator")]
        invert = settings.get("invert") or {}
        method = invert.get("method", "") if isinstance(invert, Mapping) else str(invert).partition(",")[0]
        named = {
            "generator": ([settings.get("generator")], generators),
            "extractors": (list((settings.get("extractors") or {}).values()), self._names("extractor")),
            "invert": ([method if "=" not in method else ""], self._names("inverter")),
        }
        for name, (values, known) in named.items():
            for value in filter(None, values):
                if str(value) not in known:
                    raise UsageError(f"{option_flag(name)} {value}: only names of installed ones can be used here.")
        for name in ("extractor_options", "generator_options"):
            if settings.get(name):
                raise UsageError(f"{option_flag(name)} may name files, and cannot be used here.")

    def _check_options(self, editor: str, options: Mapping[str, Any]) -> None:
        """Refuse options that are files outside of the session, where only its own may be named."""
        if self.local_files:
            return
        files = {row["name"] for row in describe(self._declared(editor, "Options")) if row["type"] == "Path"}
        for name in files & options.keys():
            values = options[name] if isinstance(options[name], list | tuple) else [options[name]]
            for value in map(str, filter(None, values)):
                if Path(value).name != value or Path(value).exists():  # plain words may be keywords
                    self._check_path(Path(value), f"{option_flag(name)} {value}")


def _thumbnail(array: np.ndarray) -> bytes:
    from PIL import Image

    height, width = array.shape[:2]
    scale = min(1.0, THUMBNAIL / max(height, width))
    stream = BytesIO()
    small = resize(array, max(1, round(width * scale)), max(1, round(height * scale)))
    Image.fromarray(small).save(stream, "jpeg", quality=QUALITY)
    return stream.getvalue()
