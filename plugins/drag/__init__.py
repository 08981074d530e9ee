"""Drag points of a picture to where they should be, by hand or by landmark presets."""
