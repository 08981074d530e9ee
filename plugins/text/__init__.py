"""Edit a picture by a sentence."""
