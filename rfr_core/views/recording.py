"""A light record of the recurrences over one picture: what was filled, what was still open, what was attended to."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from rfr_core.errors import ConfigError
from rfr_core.fill.attention_map import AttentionMap
from rfr_core.fill.regions import around
from rfr_core.fill.steps import InpaintStep
from rfr_core.ops.box import Box
from rfr_core.views.thumbnail import Thumbnail

MAX_FRAMES = 64  # of more recurrences, which only large holes take, these are kept, evenly chosen
MAX_SIDE = 1024  # pixels of the thumbnail
NEVER = 255  # in `Recording.reached`: no recurrence has reached this pixel


class Recording:
    """The pictures of a fill as frames, on the CPU, at the cost of the hole's pixels alone.

    A frame is a recurrence; where there are more than ``max_frames`` (at most 254), it stands for several. `add` takes
    one step after another. The last picture comes back exactly as its step made it, the others to within 1/4096.

    image: (1, 3, H, W) in [0, 1], as it was given. hole: (1, 1, H, W) of 0 and 1, 1 = filled. box: around the hole,
    None where it is empty; outside of it every frame is the picture given. recurrences: of each frame, which recurrence
    it shows.
    """

    def __init__(self, image: Tensor, hole: Tensor, *, max_frames: int = MAX_FRAMES) -> None:
        self.image = image
        self.max_frames = max_frames
        self.hole = hole
        self.box = around((hole[0, 0] > 0).cpu().numpy())
        self.recurrences: list[int] = []
        self._inside = _part(hole, self.box)[0, 0] > 0
        self._reached = torch.where(self._inside, NEVER, 0).to(torch.uint8)
        self._fills: list[Tensor] = []
        self._attention: list[list[AttentionMap]] = []
        self._latest: dict[tuple[float, Box], AttentionMap] = {}  # since the last frame
        self._last = _part(image, self.box)

    def __len__(self) -> int:
        """How many frames there are."""
        return len(self._fills)

    def add(self, step: InpaintStep) -> Tensor | None:
        """Record a step; what it shows in `box` (1, 3, h, w), or None where it makes no frame."""
        self._latest.update(((attention.cell, attention.box), attention) for attention in step.attention_maps())
        stride = -(-step.total // self.max_frames)
        if step.index % stride and step.index != step.total:
            return None
        self._last = step.tensor(self.box)
        self.recurrences.append(step.index)
        self._fills.append(self._last[0, :, self._inside].to(torch.float16))  # (3, K)
        self._attention.append(list(self._latest.values()))
        self._latest = {}
        newly = (self._reached == NEVER) & (step.open_hole(self.box)[0, 0] == 0)
        self._reached[newly] = len(self)
        return self._last

    @cached_property
    def thumbnail(self) -> Thumbnail:
        """A small copy of the picture, of at most `MAX_SIDE` pixels, on which a frame's `region` is shown."""
        return Thumbnail(self.image, self.box, MAX_SIDE)

    def drop_thumbnail(self) -> None:
        """Frees the small copy, which is made anew where it is asked for again."""
        self.__dict__.pop("thumbnail", None)

    @property
    def final(self) -> Tensor:
        """The last picture (1, 3, H, W); the one given where nothing was recorded."""
        return self.picture(len(self))

    @property
    def reached(self) -> Tensor:
        """By which frame a pixel was reached: (1, 1, H, W) uint8, 0 = known, `NEVER` = by none."""
        reached = torch.zeros(self.hole.shape, dtype=torch.uint8)
        _part(reached, self.box)[0, 0] = self._reached
        return reached

    def region(self, frame: int) -> Tensor:
        """What a frame, 1 to `len`, shows in `box`: (1, 3, h, w); 0 is the picture given."""
        self._check(frame)
        if frame and frame == len(self):
            return self._last
        region = _part(self.image, self.box).to("cpu", torch.float32, copy=True)
        if frame > 0:
            region[0, :, self._inside] = self._fills[frame - 1].float()
        return region

    def picture(self, frame: int) -> Tensor:
        """The picture (1, 3, H, W) of a frame, 1 to `len`; 0 is the one given."""
        self._check(frame)
        picture = self.image.to("cpu", torch.float32, copy=True)
        if frame:
            _part(picture, self.box)[:] = self.region(frame)
        return picture

    def open_hole(self, frame: int) -> Tensor:
        """What was still open by a frame: (1, 1, H, W) float32 of 0 and 1; frame 0 is the whole hole."""
        self._check(frame)
        return (self.reached > frame).to(torch.float32)

    def attention_maps(self, frame: int) -> list[AttentionMap]:
        """Where the crops that were run for frame 1 to `len` fetched their holes from; none without an attention."""
        self._check(frame, first=1)
        return self._attention[frame - 1]

    @property
    def has_attention(self) -> bool:
        """Whether the network has an attention, so that there is something to ask for."""
        return any(self._attention)

    def attention(self, frame: int, wanted: Tensor) -> Tensor | None:
        """Where the wanted pixels had been fetched from by a frame: (H, W) float32 >= 0 that sums to 1 or a bit less.

        wanted: (H, W) bool. None where none of them lies in a hole that has been run, or the network has no attention.
        """
        self._check(frame, first=1)
        height, width = self.hole.shape[-2:]
        y, x = (wanted & (self.hole[0, 0] > 0)).nonzero().unbind(1)
        total, cells = torch.zeros(height, width), 0
        # What was run last has the say: a large hole is run as a whole first, then in finer tiles.
        for attention in (one for maps in reversed(self._attention[:frame]) for one in maps):
            rows = attention.rows_of(x, y)
            found = rows[rows >= 0].unique()
            if len(found):
                total += attention.spread(found, height, width) * len(found)
                cells += len(found)
                x, y = x[rows < 0], y[rows < 0]
        return total / cells if cells else None

    def _check(self, frame: int, first: int = 0) -> None:
        if not first <= frame <= len(self):
            raise ConfigError(f"Frame {frame} was asked for; expected a number from {first} to {len(self)}.")


def _part(pictures: Tensor, box: Box | None) -> Tensor:
    """The part of pictures (N, C, H, W) in a box, a view; all of them where there is no box."""
    return pictures if box is None else pictures[(..., *box.slices)]
