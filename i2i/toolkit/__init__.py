"""Library for plugin authors: images, faces, latents, weights, drawing and files. Knows no registry and no plugin."""
