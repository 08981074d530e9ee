"""Give a face the identity of another."""
