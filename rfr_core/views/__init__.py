"""Ways to look at a fill: film strip, outline, heat map, split view."""
