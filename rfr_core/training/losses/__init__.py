"""Loss terms, and the networks that they are computed with."""
