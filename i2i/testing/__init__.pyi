"""The names of ``i2i.testing``, each with the module that defines it."""

from .command_line import CommandOutcome as CommandOutcome
from .command_line import run_command as run_command
from .contract import PluginContract as PluginContract
from .model_files import downloaded_path as downloaded_path
from .registries import registered_by as registered_by
from .registries import registry_of as registry_of
from .scenes import build_scene as build_scene
from .stand_ins import TinyGenerator as TinyGenerator
from .stand_ins import draw_photo as draw_photo
