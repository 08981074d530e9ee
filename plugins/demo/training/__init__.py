"""How the networks of the embedded world learn, one module each; ``python -m i2i_plugins.demo.train NAME`` runs them."""
