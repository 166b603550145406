"""One fill: which parts of a picture are run at which scale, and how they make one picture."""
