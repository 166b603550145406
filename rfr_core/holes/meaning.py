"""What a mask means: which of its pixels are the hole. The rule stands here and nowhere else.

`docs/pictures_and_masks.md` has it as a table.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rfr_core.errors import HoleError
from rfr_core.holes.layers import Layers
from rfr_core.images.pasting import LUMA
from rfr_core.images.values import luminance
from rfr_core.options import Channel

OPAQUE = 250 / 255  # of the highest alpha; what is below it in a cut-out is hole, so that no ring stays at a soft edge
_MOST_BY_ALPHA = 0.8  # of the picture; a layer that selects more is more likely the wrong way round
_AT_ONCE = 2**20  # values that are compared with two at once
_DRAWN = 0.9  # share of black and white pixels from which on gray is a drawn mask, not a photograph

_CHOOSE = "say which with channel (alpha, luminance, red, green or blue), or swap hole and known with invert."


def meant(layers: Layers, channel: Channel, threshold: float, invert: bool) -> Tensor:
    """The hole (N, 1, H, W) bool that a mask means.

    A named channel counts as it is. "auto": without alpha, or with the same alpha everywhere, the luminance. Else a
    layer that is nearly one colour means its alpha; black and white with transparent parts means its visible white; a
    picture with transparent parts means those parts. Where values are of two kinds only, the higher is the hole,
    whatever it is; else what reaches the threshold.

    Raises HoleError: no such channel, a mask that is not constant but has no hole, or one that can mean two things.
    """
    if channel != "auto":
        return _swapped(_drawn(_channel(layers, channel), layers.white, threshold, invert), invert)
    alpha = layers.alpha
    if alpha is None or not _varies(alpha):
        shown = alpha is None or bool(alpha.reshape(-1)[0] > 0)
        hole = (
            _by_colour(layers, threshold, invert)
            if shown
            else torch.zeros_like(layers.values[:, -1:], dtype=torch.bool)
        )
        return _swapped(hole, invert)
    return _swapped(_by_layer(layers, alpha, threshold, invert), invert)


def cut_out(alpha: Tensor) -> Tensor:
    """What is missing of a picture with this alpha: all that is not as good as opaque; bool, of the same shape."""
    highest = alpha.max()
    return alpha < highest * OPAQUE if bool(highest > 0) else torch.ones_like(alpha, dtype=torch.bool)


def _swapped(hole: Tensor, invert: bool) -> Tensor:
    return ~hole if invert else hole


def _varies(values: Tensor) -> bool:
    low, high = torch.aminmax(values)
    return bool(low != high)


def _channel(layers: Layers, channel: Channel) -> Tensor:
    """The named channel, (N, 1, H, W)."""
    count = layers.values.shape[1]
    if channel == "alpha":
        if layers.alpha is None:
            raise HoleError(f"The mask has {count} channel(s), no alpha; choose luminance.")
        return layers.alpha
    colours = layers.colours
    if colours.shape[1] == 1:
        return colours
    if channel == "luminance":
        return luminance(colours)
    index = ("red", "green", "blue").index(channel)
    return colours[:, index : index + 1]


def _by_layer(layers: Layers, alpha: Tensor, threshold: float, invert: bool) -> Tensor:
    """The hole of a mask whose alpha varies."""
    if _is_one_colour(layers, alpha):
        hole = _drawn(alpha, layers.white, threshold, invert)
    elif _is_black_and_white(layers, alpha):
        return (alpha > 0) & _by_colour(layers, threshold, invert, alpha > 0)
    else:
        if bool((alpha[alpha > 0] < alpha.max() * OPAQUE).float().mean() > 0.5):
            raise HoleError(f"The mask is a picture that is mostly translucent, which may mean two things; {_CHOOSE}")
        hole = cut_out(alpha)
    share = float(hole.float().mean())
    if share > _MOST_BY_ALPHA and not invert:
        raise HoleError(f"The mask's alpha selects {share:.0%} of the picture, which may mean two things; {_CHOOSE}")
    return hole


def _by_colour(layers: Layers, threshold: float, invert: bool, among: Tensor | None = None) -> Tensor:
    """The hole by the colours, which count only `among` these pixels."""
    colours = layers.colours
    two = _two_colours(colours, among)
    if two is None:
        values = luminance(colours) if colours.shape[1] == 3 else colours
        return _drawn(values, layers.white, threshold, invert, among)
    one, other = ([float(c) for c in colour] for colour in two)
    shades = [sum(c * share for c, share in zip(colour, LUMA, strict=True)) for colour in (one, other)]
    if math.isclose(*shades, rel_tol=1e-6):
        raise HoleError(f"The mask's two colours are equally bright, so that neither is the white one; {_CHOOSE}")
    index = next(c for c in range(3) if one[c] != other[c])
    return colours[:, index : index + 1] == two[int(shades[1] > shades[0])][index]


def _two_colours(colours: Tensor, among: Tensor | None) -> tuple[Tensor, Tensor] | None:
    """The two colours, (3,) each, if there are exactly two in (N, 3, H, W)."""
    if colours.shape[1] != 3:
        return None
    seen = None if among is None else among[:, 0]
    first = 0 if seen is None else int(seen.reshape(-1).to(torch.uint8).argmax())
    one = _colour_at(colours, first)
    differs = _differs(colours, one, seen)
    place = int(differs.reshape(-1).to(torch.uint8).argmax())
    other = _colour_at(colours, place)
    if not bool(differs.reshape(-1)[place]) or bool((differs & _differs(colours, other, seen)).any()):
        return None
    return one, other


def _colour_at(colours: Tensor, place: int) -> Tensor:
    item, within = divmod(place, colours.shape[-2] * colours.shape[-1])
    row, column = divmod(within, colours.shape[-1])
    return colours[item, :, row, column]


def _differs(colours: Tensor, colour: Tensor, among: Tensor | None) -> Tensor:
    """Where (N, 3, H, W) is another colour: (N, H, W) bool."""
    differs = (colours[:, 0] != colour[0]) | (colours[:, 1] != colour[1]) | (colours[:, 2] != colour[2])
    return differs if among is None else differs & among


def _drawn(values: Tensor, white: int, threshold: float, invert: bool, among: Tensor | None = None) -> Tensor:
    """The higher of two values; of more, those that reach the threshold."""
    if values.dtype == torch.bool:
        return values.clone()
    counted = values if among is None else values[among]
    low, high = torch.aminmax(counted)
    constant = bool(low == high)
    if not constant and _are_two(counted, low, high):
        return values == high
    # The slack covers the rounding of a float32 luminance: white must pass a threshold of 1.
    least = (threshold - 1e-6) * white
    # Whole numbers are compared as such, which is several times as fast.
    reached = values >= (least if values.is_floating_point() else math.ceil(least))
    if constant:
        return reached
    within = reached if among is None else reached[among]
    if not bool(within.any()) or (invert and bool(within.all())):
        raise HoleError(
            f"The mask is not of one value, but nothing in it is hole: its values go from {low.item():g} to "
            f"{high.item():g}, and the threshold is {threshold:g} of {white}; choose another threshold or channel."
        )
    return reached


def _are_two(values: Tensor, one: Tensor, other: Tensor) -> bool:
    """Whether all values are one of two; as many at a time as a processor's cache holds, until one is not."""
    return all(bool(((part == one) | (part == other)).all()) for part in values.flatten().split(_AT_ONCE))


def _is_one_colour(layers: Layers, alpha: Tensor) -> bool:
    """Whether all that is visible has one colour, to within what premultiplying and rounding do to it."""
    flat = alpha[:, 0].reshape(-1)
    strongest = int(flat.argmax())
    reference = _colour_at(layers.colours, strongest)
    small, shown = alpha[:, 0].to(torch.float32), alpha[:, 0] > 0
    step = 1 if layers.white > 1 else 1 / 255
    slack = layers.white * step / (2 * small.clamp(min=step)) + step / 2
    # One channel at a time: a real picture fails on the first.
    return all(
        bool((((layers.colours[:, c].to(torch.float32) - float(reference[c])).abs() <= slack) | ~shown).all())
        for c in range(layers.colours.shape[1])
    )


def _is_black_and_white(layers: Layers, alpha: Tensor) -> bool:
    """Whether what is visible is a drawn mask: gray throughout, and nearly all of it black or white."""
    colours, shown = layers.colours, alpha[:, 0] > 0
    gray = colours[:, 0]
    if colours.shape[1] == 3 and bool((((gray != colours[:, 1]) | (gray != colours[:, 2])) & shown).any()):
        return False
    values = gray[shown].to(torch.float32)
    extreme = (values < 0.1 * layers.white) | (values > 0.9 * layers.white)
    return bool(extreme.float().mean() >= _DRAWN)
