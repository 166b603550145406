"""Scores on held-out pictures, and comparison with other methods."""
