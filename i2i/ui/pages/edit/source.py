"""The card "Image": a photo, a seed of a generator with its neighbours, and the download of generators."""

from __future__ import annotations

import asyncio
import base64
import random
from typing import TYPE_CHECKING, Any

from nicegui import ui
from nicegui.events import UploadEventArguments

from ....api.errors import I2IError, Interrupted
from ...generators import BundleOffer, GeneratorChoice, bundle_offers, generator_choices, size_text
from ...uploads import LIMITS
from .controller import EditController

if TYPE_CHECKING:
    from ...worker import Ticket

FIRST_SEED = 1
"""The seed that is shown on a fresh page."""
TRUNCATION = 0.7
_NEIGHBOURS = 3
"""Seeds that are shown on each side of the open one."""
_THUMBNAIL = 96
_LAST_SEED = 2**32 - 1
_LISTEN = """
(() => {
  const find = () => getElement(%d)?.$refs.qRef;
  const body = document.body;
  let depth = 0;
  const files = (transfer) => [...(transfer?.files ?? [])];
  const add = (event, found) => {
    if (!found.length || !find()?.$el.isConnected) return;
    event.preventDefault();
    find().addFiles(found.slice(0, 1));
  };
  document.addEventListener("paste", (event) => add(event, files(event.clipboardData)));
  document.addEventListener("dragenter", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    depth += 1;
    body.classList.add("i2i-dropping");
  });
  document.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) body.classList.remove("i2i-dropping");
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    depth = 0;
    body.classList.remove("i2i-dropping");
    event.preventDefault();
    add(event, files(event.dataTransfer));
  });
})();
"""


class ImageSource:
    """What opens images."""

    def __init__(self, controller: EditController) -> None:
        self.controller = controller
        self.choices = generator_choices(controller.registry)
        self._thumbnails: dict[tuple[str, float, int], bytes] = {}
        self._strip_ticket: Ticket | None = None
        self._quiet = False

    @property
    def generator(self) -> GeneratorChoice:
        """The chosen generator."""
        for choice in self.choices:
            if choice.name == self._generator.value:
                return choice
        raise I2IError("No generator is here; download one first.")

    # Elements

    def build(self) -> None:
        """Create the card."""
        controller = self.controller
        with ui.element("section").classes("i2i-card").props('aria-label="Image"'):
            with ui.element("div").classes("i2i-row"):
                self._photo = ui.button("Open a photo", icon="add_photo_alternate", on_click=self.pick)
                self._photo.props("no-caps unelevated").classes("col-grow")
                with self._photo:
                    ui.tooltip("Or drop one anywhere on the page, or paste it")
                self._random = ui.button("Random", icon="casino", on_click=self._open_random)
                self._random.props("no-caps outline")
            self._generator = ui.select(
                {choice.name: choice.caption for choice in self.choices},
                value=self.choices[0].name if self.choices else None,
                label="Generator",
                on_change=self._generator_chosen,
            )
            self._generator.props("dense outlined").classes("full-width")
            self._hint = ui.label().classes("i2i-muted text-caption")
            self._offers = ui.element("div").classes("i2i-row")
            with ui.element("div").classes("i2i-row").style("flex-wrap: nowrap"):
                self._seed = ui.number("Seed", value=FIRST_SEED, min=0, max=_LAST_SEED, precision=0)
                self._seed.props("dense outlined debounce=600").style("width: 7.5rem")
                self._seed.on_value_change(self._seed_typed)
                with ui.element("div").classes("col"):
                    text = ui.label().classes("text-caption i2i-muted")
                    self._truncation = ui.slider(min=0, max=1, step=0.05, value=TRUNCATION).props("dense")
                    self._truncation.props["aria-label"] = "Truncation: 0 is the average image, 1 the full variety"
                    self._truncation.on("change", self._reopen, [])
                    text.bind_text_from(self._truncation, "value", lambda value: f"Variety (truncation) {value:.2f}")
            self._strip = ui.element("div").classes("i2i-seeds").props('role=group aria-label="Neighbouring seeds"')
            self._faces = ui.element("div").classes("i2i-row")
        self._upload()
        self._show_offers()
        self._show_strip()
        controller.listeners.append(self._update)

    def _upload(self) -> None:
        self.upload = ui.upload(
            auto_upload=True, max_file_size=LIMITS.bytes, on_upload=self._uploaded, label="Photo"
        ).classes("i2i-hidden-upload")
        self.upload.props("aria-hidden=true tabindex=-1")
        self.upload.on("rejected", self._rejected, [])
        self.upload.on("failed", self._failed, [])
        self.upload.on("uploaded", self.upload.reset, [])  # not earlier: it would end the request
        with ui.element("div").classes("i2i-drop").props("aria-hidden=true"):
            ui.label("Drop the photo to open it")
        ui.context.client.on_connect(lambda: ui.run_javascript(_LISTEN % self.upload.id))

    def pick(self) -> None:
        """Open the dialog that chooses a file."""
        self.upload.run_method("pickFiles")

    def _update(self) -> None:
        busy = self.controller.running is not None
        for element in (self._photo, self._random, self._generator, self._seed, self._truncation):
            element.set_enabled(not busy)
        self._faces.clear()
        found = self.controller.faces
        if found is not None:
            with self._faces:
                ui.label(f"{len(found.faces)} faces were found. Click one on the photo, or:").props("role=status")
                for face in found.faces:
                    ui.button(
                        f"Face {face.number}", on_click=lambda face=face: self.controller.choose_face(face.number)
                    ).props("no-caps outline dense")
        node = self.controller.node
        if node is not None and node.image.startswith("seed:"):
            seed, truncation = int(node.image[5:]), float(node.settings.get("truncation", TRUNCATION))
            if self._seed.value != seed or self._truncation.value != truncation:
                self._quiet = True
                self._seed.value, self._truncation.value = seed, truncation
                self._quiet = False

    # Seeds

    async def open_first(self) -> None:
        """Open an image on a fresh page, so that every control works at once."""
        if self.choices and self.controller.node is None and self.controller.running is None:
            await self._open_seed()

    async def _open_seed(self) -> None:
        self._cancel_strip()
        await self.controller.open_seed(int(self._seed.value or 0), self.generator.name, float(self._truncation.value))
        await self._fill_strip()

    async def _open_random(self) -> None:
        self._set_seed(random.randrange(100_000))
        await self._open_seed()

    async def _seed_typed(self) -> None:
        if not self._quiet and self._seed.value is not None and self.controller.running is None:
            await self._open_seed()

    async def _reopen(self) -> None:
        if self.controller.running is None:
            await self._open_seed()

    async def _generator_chosen(self) -> None:
        if not self._quiet:
            self._show_offers()
            await self._reopen()

    def _set_seed(self, seed: int) -> None:
        self._quiet = True
        self._seed.value = seed
        self._quiet = False

    # The strip of neighbours

    def _seeds(self) -> list[int]:
        middle = min(max(int(self._seed.value or 0), _NEIGHBOURS), _LAST_SEED - _NEIGHBOURS)
        return list(range(middle - _NEIGHBOURS, middle + _NEIGHBOURS + 1))

    def _key(self, seed: int) -> tuple[str, float, int]:
        return (str(self._generator.value), float(self._truncation.value), seed)

    def _show_strip(self) -> None:
        self._strip.clear()
        with self._strip:
            for seed in self._seeds():
                thumbnail_button(
                    self._thumbnails.get(self._key(seed), b""),
                    str(seed),
                    f"Open seed {seed}",
                    seed == self._seed.value,
                    lambda seed=seed: self._open_neighbour(seed),
                )

    async def _open_neighbour(self, seed: int) -> None:
        if self.controller.running is None:
            self._set_seed(seed)
            await self._open_seed()

    def _cancel_strip(self) -> None:
        if self._strip_ticket is not None:
            self.controller.jobs.cancel(self._strip_ticket)
            self._strip_ticket = None

    async def _fill_strip(self) -> None:
        self._show_strip()
        missing = [seed for seed in self._seeds() if self._key(seed) not in self._thumbnails]
        keys = [self._key(seed) for seed in missing]
        arguments = {"source": self.generator.name, "truncation": float(self._truncation.value), "size": _THUMBNAIL}

        def submitted(ticket: Ticket) -> None:
            self._strip_ticket = ticket

        for seed, key in zip(missing, keys, strict=True):  # one after another, so that edits need not wait for all
            try:
                (image,) = await self.controller.quiet_job(
                    "render", {"images": [f"seed:{seed}"], **arguments}, submitted
                )
            except Interrupted:
                return
            self._thumbnails[key] = image.data
            if key != self._key(seed):  # another generator was chosen meanwhile
                return
            self._show_strip()

    # Uploads

    async def _uploaded(self, event: UploadEventArguments) -> None:
        self._cancel_strip()
        data = await event.file.read()
        upload = await asyncio.to_thread(self.controller.session.upload, event.file.name, data)
        await self.controller.open_upload(upload, self.generator)

    def _rejected(self) -> None:
        size = LIMITS.bytes // 2**20
        raise I2IError(f"The file has more than {size} MB, or is no single file; make the photo smaller.")

    def _failed(self) -> None:
        self.upload.reset()
        raise I2IError("The file could not be uploaded; check that i2i ui still runs, then open it again.")

    # Downloads of generators

    def _show_offers(self) -> None:
        chosen = next((choice for choice in self.choices if choice.name == self._generator.value), None)
        offers = bundle_offers(self.controller.registry)
        self._offers.clear()
        weak = chosen is not None and (chosen.resolution or 0) < 256
        self._hint.text = (
            f"{chosen.name} renders {chosen.domain or 'images'} of {chosen.resolution} px to try things out."
            if weak and chosen and offers
            else ""
        )
        self._hint.set_visibility(bool(self._hint.text))
        with self._offers:
            for offer in offers:
                ui.button(
                    f"Download for photos of {offer.name} ({size_text(offer.bytes)})",
                    icon="download",
                    on_click=lambda offer=offer: self._offer(offer),
                ).props("no-caps outline dense").classes("col-grow")
        self._offers.set_visibility(bool(offers))

    def _offer(self, offer: BundleOffer) -> None:
        with ui.dialog(value=True).props('aria-label="Download"') as dialog, ui.card().classes("i2i-error"):
            ui.label(f"Download {offer.name}: {size_text(offer.bytes)}").classes("text-subtitle1 text-weight-medium")
            ui.label("The files are stored in your folder of i2i, and checked by their checksums.").classes("i2i-muted")
            with ui.column().classes("full-width q-gutter-xs"):
                for name, summary, size, licence in offer.models:
                    with ui.column().classes("i2i-thing").style("gap: 0"):
                        ui.label(f"{name}, {size_text(size)}").classes("text-weight-medium")
                        ui.label(summary).classes("text-caption")
                        ui.label(f"Licence: {licence}").classes("text-caption i2i-muted")
            with ui.row().classes("self-end"):
                ui.button("Cancel", on_click=dialog.close).props("flat no-caps")

                async def start() -> None:
                    dialog.close()
                    await self._download(offer)

                ui.button("Download", on_click=start).props("no-caps unelevated autofocus")
        dialog.on("hide", dialog.delete)

    async def _download(self, offer: BundleOffer) -> None:
        self._cancel_strip()
        try:
            await self.controller.job("fetch", {"names": [offer.name]}, f"Downloading {offer.name}")
        except Interrupted as error:
            self.controller.note(str(error))
        self.choices = generator_choices(self.controller.registry)
        chosen = next((choice.name for choice in self.choices if choice.name in offer.generators), None)
        self._quiet = True
        self._generator.set_options({choice.name: choice.caption for choice in self.choices})
        if chosen is not None:
            self._generator.value = chosen
        self._quiet = False
        self._show_offers()
        if chosen is not None:
            await self._open_seed()


def thumbnail_button(data: bytes, text: str, label: str, current: bool, action: Any, title: str = "") -> ui.element:
    """Create a button with a small image and a caption."""
    button = ui.element("button").classes("i2i-thumb").on("click", action, [])
    button.props["aria-label"] = label
    button.props["type"] = "button"
    button.props["title"] = title or label
    button.props["aria-current"] = "true" if current else "false"
    with button:
        if data:
            image = ui.element("img")
            image.props["src"] = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
            image.props["alt"] = ""
        else:
            ui.element("div").classes("i2i-blank")
        with ui.element("span"):
            ui.label(text).style("display: inline")
    return button
