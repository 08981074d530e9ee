"""What happens inside a training run."""
