"""Datasets: find, check and read samples into batches."""
