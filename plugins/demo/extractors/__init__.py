"""The extractors that use the demo networks, one class a file."""
