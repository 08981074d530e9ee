"""Latent codes of generators: sampling, layers, noise, batches, optimisation and files."""
