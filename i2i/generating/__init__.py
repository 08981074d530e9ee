"""Pictures from generators, and their weights in our own form."""
