"""How the networks of the embedded world learn, a module each; ``python -m i2i_plugins.demo.train`` runs them."""
