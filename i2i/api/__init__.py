"""Contracts of plugins: the classes to subclass and the types that cross the boundary. Imports nothing else of i2i."""
