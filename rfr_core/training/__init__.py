"""Training and evaluation of networks: data, losses, runs, scores, the paper's experiments."""
