"""The mapping and synthesis networks of MobileStyleGAN."""
