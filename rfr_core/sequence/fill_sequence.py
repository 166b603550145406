"""fill_sequence: frames with holes -> filled frames that do not flicker.

For each frame, what its hole hides is looked for in the frames before and after it, the nearest first. What none of
them shows is taken from a frame that was filled before, where it was in view then; only what is left is filled by the
network. Every pixel is resampled once from the frame that it comes from, so that nothing gets softer on its way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from rfr_core.errors import ConfigError, HoleError
from rfr_core.fill.canvas import FilledBox, to_canvas
from rfr_core.holes.masks import MaskLike, to_hole
from rfr_core.holes.shaping import feather as feathered
from rfr_core.holes.shaping import shaped
from rfr_core.inference.memory import memory_errors
from rfr_core.inpainter import Inpainter
from rfr_core.ops.box import Box
from rfr_core.sequence.borrowing import OtherFrame, borrow
from rfr_core.sequence.frames import Frame, Motions

WINDOW = 12  # frames to each side
MAX_WINDOW = 60
_ANCHORS = 3  # frames kept with their fill, for what no frame shows


def fill_sequence(
    inpainter: Inpainter,
    frames: Iterable[Any],
    holes: Iterable[MaskLike],
    *,
    window: int = WINDOW,
    fill_gaps: bool = False,
    grow: int = 0,
    feather: int = 0,
    **options: Any,
) -> Iterator[Any]:
    """The frames of one shot, filled one after another, each in the kind it was given.

    Args:
        frames: pictures of one size, as `Inpainter` takes them, one at a time; read as far ahead as the window reaches.
        holes: a mask for each, white = fill.
        window: frames before and after one in which is looked for what it hides, 1 to 60; at most 2 * window + 4 frames
            are held.
        fill_gaps, grow, feather: as for `Inpainter`.
        options: the other ones of `Inpainter`, for what has to be filled: recurrences, context, detail.

    Known pixels come back bit-identical. Raises ConfigError, HoleError or ImageError: an option is out of range, a mask
    is missing, or a frame or mask has another size than the first.
    """
    if not isinstance(window, int) or not 1 <= window <= MAX_WINDOW:
        raise ConfigError(f"The window is {window!r}; it must be a whole number of frames from 1 to {MAX_WINDOW}.")
    if options.get("wrap", "none") != "none":
        raise ConfigError("Frames of a sequence are not filled through their border; leave wrap out.")
    if options.get("avoid") is not None:
        raise ConfigError("A sequence looks at all that its frames show; leave avoid out.")
    return _fill(inpainter, _read(frames, holes, fill_gaps, grow), window, feather, options)


def _fill(
    inpainter: Inpainter, frames: Iterator[Frame], window: int, feather: int, options: dict[str, Any]
) -> Iterator[Any]:
    motions = Motions()
    held: deque[Frame] = deque()
    anchors: deque[OtherFrame] = deque(maxlen=_ANCHORS)
    number = 0
    while True:
        while (not held or held[-1].index < number + window) and (frame := next(frames, None)) is not None:
            if held:
                motions.measure(held[-1], frame)
            held.append(frame)
        while held and held[0].index < number - window:
            held.popleft()
        if not held or held[-1].index < number:
            return
        oldest = min([held[0].index, *(anchor.index for anchor in anchors)])
        motions.forget(oldest)
        frame = held[number - held[0].index]
        yield _filled(inpainter, frame, held, motions, anchors, feather, options)
        number += 1


@torch.inference_mode()
def _filled(
    inpainter: Inpainter,
    frame: Frame,
    held: Iterable[Frame],
    motions: Motions,
    anchors: deque[OtherFrame],
    feather: int,
    options: dict[str, Any],
) -> Any:
    """One frame, filled; a frame in which the network had something to do becomes an anchor."""
    if not bool(frame.hole.any()):
        return frame.canvas.pasted([])
    with memory_errors():
        others = sorted(
            (other for other in held if other is not frame), key=lambda o: (abs(o.index - frame.index), o.index)
        )
        picture, left = frame.picture, frame.hole
        sources = [OtherFrame(other.index, other.picture, ~other.hole) for other in others]
        for source in (*sources, *reversed(anchors)):
            if not bool(left.any()):
                break
            picture, left = borrow(picture, left, frame.hole, source, motions.between(frame.index, source.index))
    if bool(left.any()):
        picture = inpainter(picture.clone(), left, **options)
        anchors.append(OtherFrame(frame.index, picture, torch.ones_like(left)))
    weight = feathered(frame.hole.float(), feather)
    whole = Box(0, 0, frame.canvas.height, frame.canvas.width)
    return frame.canvas.pasted([FilledBox(0, whole, picture, weight)])


def _read(frames: Iterable[Any], holes: Iterable[MaskLike], fill_gaps: bool, grow: int) -> Iterator[Frame]:
    size = None
    masks = iter(holes)
    for index, image in enumerate(frames):
        canvas = to_canvas(image)
        if canvas.count != 1:
            raise ConfigError(f"Frame {index + 1} holds {canvas.count} pictures; give the frames one at a time.")
        size = size or (canvas.height, canvas.width)
        if (canvas.height, canvas.width) != size:
            raise ConfigError(
                f"Frame {index + 1} is {canvas.width}×{canvas.height} pixels, the first {size[1]}×{size[0]}; "
                "expected one size: scale it."
            )
        mask = next(masks, None)
        if mask is None:
            raise HoleError(f"There is no mask for frame {index + 1}; give one for each.")
        hole = to_hole(mask, size=size, dtype=torch.bool).cpu()
        hole = shaped(hole, gaps=fill_gaps, pixels=grow)
        if bool(hole.all()):
            raise HoleError(f"The hole covers all of frame {index + 1}; leave some of it known.")
        yield Frame.of(index, canvas, hole)
