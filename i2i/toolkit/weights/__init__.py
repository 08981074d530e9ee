"""The safe reader of weight files: any format, whoever wrote it, as plain data; no code in a file runs, ever.

``read`` gives an ``i2i.Contents``. ``safetensors_files`` reads safetensors, ``containers`` torch's files and pickles.
``opcodes`` measures the opcodes of a pickle, ``unpickler`` interprets them on plain data, ``allow_list`` and ``arrays``
hold the few names that a pickle may use, and ``limits`` bounds time and memory.
"""

from ...api.contents import HEADER
from .reader import read

__all__ = ["HEADER", "read"]
