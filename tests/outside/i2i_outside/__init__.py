"""Example plugins of every kind, written with the public API of i2i alone."""
