"""Training of RFR networks: losses, data, trainer, evaluation."""
