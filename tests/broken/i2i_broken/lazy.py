"""Classes registered by string: targets that are not there, fail, or differ from what is declared."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_trainers(register: i2i.Register) -> None:
    """Register targets that cannot be used."""
    register("broken-no-module", "i2i_broken.nothing:Thing", summary="No module.", Options="i2i_broken.faults:Faulty")
    register("broken-no-options", "i2i_broken.trainers:Broken", summary="No options.", Options="i2i_broken.faults:No")


@i2i.hookimpl
def register_editors(register: i2i.Register) -> None:
    """Register targets that cannot be used."""
    register("broken-no-name", "i2i_broken.editors:Nothing", summary="No such class.")
    register("broken-import", "i2i_broken.raising:Thing", summary="Its module fails.")
    register("broken-exit", "i2i_broken.exiting:Thing", summary="Its module ends the program.")
    register("broken-number", "i2i_broken.lazy:NUMBER", summary="Names no class.")
    register("broken-other", "i2i_broken.editors:Latents", summary="Another name.", wants="pixels")


NUMBER = 3
