"""``python -m train`` in a checkout; the same as ``rfr train``."""

from rfr_core.training.command import app

app()
