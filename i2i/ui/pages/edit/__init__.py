"""The tab "Edit": open an image, drag it, adjust faces, run any editor, and take the result away.

Like the other tabs it needs NiceGUI (``pip install 'i2i[ui]'``).
"""
