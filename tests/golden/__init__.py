"""Golden tests: recorded results of i2i, to which later versions are held. See README.md."""
