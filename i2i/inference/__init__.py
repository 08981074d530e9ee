"""Trained runs and generators in use: prediction, evaluation, export, conversion."""
