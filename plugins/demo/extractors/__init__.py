"""The extractors of the drawn world, one class a file."""
