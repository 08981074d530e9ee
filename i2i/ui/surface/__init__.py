"""The drawing surface: an image to mark and draw on, in plain JavaScript without a build step.

``static`` knows nothing of NiceGUI; ``element`` makes an element of it (``pip install 'i2i[ui]'``).
"""
