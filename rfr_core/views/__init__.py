"""Ways to look at a fill: film strip, outline, heat map, split view."""

from rfr_core.views.film_strip import film_strip
from rfr_core.views.heat_map import heat_map
from rfr_core.views.outline import draw_outline
from rfr_core.views.recording import Recording
from rfr_core.views.split_view import split_view

__all__ = ["Recording", "draw_outline", "film_strip", "heat_map", "split_view"]
