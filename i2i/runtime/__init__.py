"""Device, processes, memory, progress and cancellation."""
