"""How the demo networks learn, a module each; ``python -m research.demo.train`` runs them."""
