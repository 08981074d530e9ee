"""The demo networks."""
