"""The web page of ``i2i ui``; needs NiceGUI (``pip install 'i2i[ui]'``)."""
