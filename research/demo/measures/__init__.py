"""How the networks of the embedded world are measured, on faces they never saw; ``evaluate.py`` runs it all."""
