"""The public API: each name once, with the module that defines it."""

from .api.contents import Contents as Contents
from .api.contents import Record as Record
from .api.contents import StoredTensor as StoredTensor
from .api.dataset import Archive as Archive
from .api.dataset import Dataset as Dataset
from .api.device import Device as Device
from .api.device import Precision as Precision
from .api.editor import Editor as Editor
from .api.editor import Plot as Plot
from .api.editor import Result as Result
from .api.editor import Table as Table
from .api.errors import I2IError as I2IError
from .api.errors import Interrupted as Interrupted
from .api.errors import UsageError as UsageError
from .api.errors import did_you_mean as did_you_mean
from .api.errors import disk_trouble as disk_trouble
from .api.extractor import Extractor as Extractor
from .api.extractor import Face as Face
from .api.generator import Generator as Generator
from .api.generator import Weights as Weights
from .api.gradients import gradients_for as gradients_for
from .api.gradients import rows_of as rows_of
from .api.hookspecs import Register as Register
from .api.hookspecs import hookimpl as hookimpl
from .api.metric import Metric as Metric
from .api.model import Model as Model
from .api.options import Options as Options
from .api.options import build_options as build_options
from .api.options import option_flag as option_flag
from .api.panel import Panel as Panel
from .api.placement import Placement as Placement
from .api.preset import Preset as Preset
from .api.scene import Latent as Latent
from .api.scene import Photo as Photo
from .api.scene import Scene as Scene
from .api.trainer import Trainer as Trainer
from .assets.extractors import extractor as extractor
from .assets.models import model_path as model_path
from .assets.networks import load_network as load_network
from .data.pairs import Pair as Pair
from .editing.pipeline import edit as edit
from .inference.generators import generator as generator
from .inference.generators import generator_domain as generator_domain
from .inference.generators import generator_identity as generator_identity
from .inference.inspection import generator_of as generator_of
from .registry import Registry as Registry
from .registry import load_registry as load_registry
from .runtime.device import choose_device as choose_device
from .training.runs import Run as Run
from .training.runs import open_run as open_run
from .training.session import train as train

__version__: str
API_VERSION: str
