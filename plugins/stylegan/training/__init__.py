"""StyleGAN2 in training: losses, augmentation and the trainer."""
