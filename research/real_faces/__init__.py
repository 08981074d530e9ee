"""Evaluation of edits of photographs and of real-looking faces by independent judges."""
