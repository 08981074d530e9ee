"""How the demo networks are measured, on faces they never saw; ``evaluate.py`` runs it all."""
