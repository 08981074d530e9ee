"""How the networks of the embedded world learn, a module each; ``python -m research.demo.train`` runs them."""
