"""The small networks of the drawn world."""
