"""The networks of StyleGAN2 and StyleGAN3, and what makes them fast."""
