"""What a trained run is good for: pictures, measures, files for other programs."""
