"""The frame of the web page: header with tabs, colours, keyboard access, and what is shown when something fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nicegui import app, ui

from ..errors import describe, error_content, show_error
from . import Page

if TYPE_CHECKING:
    from ..server import PageContext

FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f4e79"/>'
    '<path d="M7 13v9M25 13v9M12 15h8m-3-3 3 3-3 3" stroke="#fff" stroke-width="3" fill="none"/>'
    '<circle cx="7" cy="9" r="1.8" fill="#fff"/><circle cx="25" cy="9" r="1.8" fill="#fff"/></svg>'
)
_COLOURS = {"primary": "#1f5f99", "secondary": "#3d6b5c", "accent": "#8a4b12", "negative": "#b3261e"}
_STYLE = """
.i2i-skip { position: absolute; left: -999px; top: 0; z-index: 9999; padding: .5rem 1rem; }
.i2i-skip:focus { background: #fff; color: #000; }
.i2i-skip:focus { left: 0; }
.i2i-header { background: #163a5c; color: #fff; flex-wrap: nowrap; align-items: center; align-content: center;
  gap: .5rem; min-height: 48px; padding: 0 .75rem; }
.i2i-brand { font-weight: 700; font-size: 1.2rem; }
.i2i-header .q-tabs { flex: 1 1 auto; min-width: 0; }
.i2i-page { width: 100%; max-width: 1280px; margin: 0 auto; padding: 0; }
.nicegui-content { padding: 0; }
.q-tab-panels { width: 100%; }
.i2i-error { width: min(40rem, 92vw); }
.i2i-details { font-family: monospace; font-size: .8rem; white-space: pre-wrap; overflow: auto; max-height: 40vh; }
.i2i-form { display: grid; width: 100%; gap: .5rem 1.25rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(var(--i2i-field, 250px), 100%), 1fr)); }
.i2i-form .q-field--with-bottom { padding-bottom: 0; }
.i2i-form .q-field__bottom { position: static; transform: none; min-height: 0; padding-top: 4px; }
.i2i-field { width: 100%; gap: 0; }
.i2i-field-error { color: #b3261e; font-size: .75rem; }
.body--dark .i2i-field-error { color: #ff9d95; }
.body--dark { --q-primary: #3b82c4 !important; --q-negative: #ff8a80 !important; } /* readable as text on black */
.i2i-muted { opacity: .75; }
.i2i-thing { width: 100%; border-top: 1px solid rgba(128, 128, 128, .35); }
:focus-visible { outline: 2px solid #4da3ff; outline-offset: 2px; }
@media (max-width: 599px) { .q-tab-panel { padding: 12px; } }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important; } }
"""
_MODES: dict[str, tuple[str, str, bool | None]] = {
    "system": ("As the system", "brightness_auto", None),
    "light": ("Light", "light_mode", False),
    "dark": ("Dark", "dark_mode", True),
}
"""By name the caption, the icon and the value of ``ui.dark_mode``."""


def register_pages(context: PageContext, pages: Sequence[Page]) -> None:
    """Make the paths of the pages known to NiceGUI."""
    for number, page in enumerate(pages):
        for path in (f"/{page.name}", "/") if number == 0 else (f"/{page.name}",):
            ui.page(path, title="i2i")(_builder(context, pages, page))
    app.on_page_exception(_show_page_error)


def _builder(context: PageContext, pages: Sequence[Page], page: Page) -> Callable[[], None]:
    def build() -> None:
        build_shell(context, pages, page)

    return build


def build_shell(context: PageContext, pages: Sequence[Page], chosen: Page) -> None:
    """Create the frame and the chosen tab; each other tab is created when it is first opened."""
    ui.add_head_html(f"<style>{_STYLE}</style>")
    ui.colors(**_COLOURS)
    ui.on_exception(show_error)
    with ui.header().classes("row items-center i2i-header"):
        ui.link("Skip to the content", "#content").classes("i2i-skip")
        ui.label("i2i").classes("i2i-brand")
        tabs = ui.tabs().props('dense align=left inline-label mobile-arrows no-caps aria-label="Pages"')
        with tabs:
            for page in pages:
                ui.tab(page.name, page.title, page.icon)
        _mode_button()
        if context.sign_in:
            _icon_button("logout", "Sign out", _sign_out)
    with ui.element().classes("i2i-page").props("id=content tabindex=-1"):
        panels = ui.tab_panels(tabs, value=chosen.name, animated=False).classes("bg-transparent")
        with panels:
            places = {page.name: ui.tab_panel(page.name) for page in pages}
    by_name = {page.name: page for page in pages}
    built: set[str] = set()

    def show(name: str) -> None:
        if name not in built:
            built.add(name)
            with places[name]:
                _build_page(by_name[name], context)

    def changed(event: Any) -> None:
        show(event.value)
        ui.run_javascript(f"history.replaceState(null, '', '/{event.value}')")

    show(chosen.name)
    panels.on_value_change(changed)


def _build_page(page: Page, context: PageContext) -> None:
    try:
        page.load()(context)
    except Exception as error:  # the other tabs go on
        error_content(*describe(error))


def _icon_button(icon: str, label: str, action: Callable[[], Any] | None = None) -> ui.button:
    button = ui.button(icon=icon, on_click=action).props("flat round color=white")
    button.props["aria-label"] = label
    with button:
        ui.tooltip(label)
    return button


def _mode_button() -> None:
    """Create the menu for light and dark colours; the browser remembers the choice."""
    mode = ui.dark_mode(None)
    button = _icon_button("brightness_auto", "Light or dark")

    def choose(name: str, remember: bool = True) -> None:
        _, icon, mode.value = _MODES[name]
        button.props(f"icon={icon}")
        if remember:
            ui.run_javascript(f"localStorage.setItem('i2i-colours', '{name}')")

    with button, ui.menu():
        for name, (caption, _, _) in _MODES.items():
            ui.menu_item(caption, lambda name=name: choose(name))

    async def restore() -> None:
        name = await ui.run_javascript("localStorage.getItem('i2i-colours')", timeout=5)
        if name in _MODES:
            choose(name, remember=False)

    ui.context.client.on_connect(restore)


def _sign_out() -> None:
    ui.run_javascript("fetch('/sign-out', {method: 'POST'}).then(() => location.assign('/sign-in'))")


def _show_page_error(error: Exception) -> None:
    """Create the page that is shown where a page cannot be built."""
    ui.add_head_html(f"<style>{_STYLE}</style>")
    with ui.card().classes("i2i-error q-ma-lg"):
        error_content(*describe(error))
        ui.link("Back to the first page", "/")
