"""Entry points of training and evaluation: ``python -m train fit|evaluate|compare``."""
