"""The safe reader of weight files: any kind, whoever wrote it, as plain data; no code in a file runs, ever.

``headers`` reads safetensors, ``containers`` torch's files and pickles. ``scanning`` measures a pickle's instructions,
``machine`` carries them out on plain data, ``names`` and ``arrays`` hold the short list of what a pickle may name, and
``bounds`` ends what would take too long or too much memory.
"""

from ...api.contents import Contents, Record, StoredTensor
from .reader import read

__all__ = ["Contents", "Record", "StoredTensor", "read"]
