"""The inpainter that needs no PyTorch: picture + hole -> filled picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rfr_core.errors import HoleError
from rfr_core.fill.planning import batched, decoded_box
from rfr_core.fill.regions import tile_boxes
from rfr_core.fill.sizes import FRONT
from rfr_core.options import Detail, to_detail
from rfr_core.portable.array_colour_match import matched_cell, matched_colours
from rfr_core.portable.array_detail import PlacedFill, with_detail
from rfr_core.portable.array_levels import ArrayLevel, ArrayTask, ArrayTile, coarse_colours, composed
from rfr_core.portable.array_plan import ArrayPlanner
from rfr_core.portable.array_pyramid import at_size, pull_push, share_within
from rfr_core.portable.network_graphs import NetworkGraphs
from rfr_core.portable.picture_arrays import PictureArray, array_hole

_CELL = 512  # pixels a side of the parts in which the result is put together


class PortableFill(NamedTuple):
    """A filled picture, in the kind it was given.

    hole_ratio: share of it that was filled. recurrences: of the network one after another, 0 for an empty hole.
    """

    picture: Any
    hole_ratio: float
    recurrences: int


class PortableInpainter:
    """Fills holes with a model under onnxruntime, as `rfr_core.Inpainter` does in float32 by default.

    One inpainter may be used from several threads at once.
    """

    def __init__(self, folder: str | Path | None = None, *, threads: int | None = None) -> None:
        """Loads a model.

        folder: a checkpoint's, to which `rfr export FOLDER FOLDER --parts` has written its parts; None = the bundled
        model. threads: that the network takes; None = onnxruntime's own choice.

        Raises RFRError: onnxruntime is missing. CheckpointError: the model's files are missing or do not fit.
        """
        self._graphs = NetworkGraphs(folder, threads)

    def __call__(self, image: Any, hole: Any, *, detail: Detail | bool = "auto") -> Any:
        """The picture with its hole filled, in the kind and size it was given; known pixels come back bit-identical.

        image: a PIL image, or an array (H, W) or (H, W, 3) of uint8, without transparent pixels. hole: the same, or an
        array of bool; white = fill. detail: "texture", "exact", "off", or "auto" = as the model's configuration says;
        see `rfr_core.Inpainter`.

        Raises ImageError or HoleError: a picture or a mask of another kind, or a hole that covers the whole picture.
        ConfigError: another word for detail.
        """
        return self.filled(image, hole, detail=detail).picture

    def filled(self, image: Any, hole: Any, *, detail: Detail | bool = "auto") -> PortableFill:
        """As :meth:`__call__`, with what there is to tell of it."""
        detail = to_detail(detail)
        if detail == "auto":
            detail = "texture" if self._graphs.config.detail else "off"
        picture = PictureArray(image)
        inside = array_hole(hole, picture.height, picture.width)
        if bool(inside.all()):
            raise HoleError("The hole covers the whole picture; leave some of it known (is the mask inverted?).")
        if not bool(inside.any()):
            return PortableFill(picture.pasted((), inside), 0.0, 0)
        plan = ArrayPlanner(picture, inside, self._graphs.config, detail != "off")
        fills = self._run(plan, inside)
        if detail != "off":
            fills = with_detail(picture, inside, plan.parts, fills, self._graphs.refine, exact=detail == "exact")
        return PortableFill(picture.pasted(fills, inside), float(inside.mean()), plan.recurrences)

    def _run(self, plan: ArrayPlanner, hole: np.ndarray) -> list[PlacedFill]:
        """The fill of all regions by the network alone, level by level."""
        tiles: dict[ArrayLevel, list[ArrayTile]] = {}
        coarse: dict[ArrayLevel, np.ndarray] = {}  # by the level that follows
        for stage in range(plan.tasks[-1].level.stage + 1):
            tasks = [task for task in plan.tasks if task.level.stage == stage]
            for level in {task.level: None for task in tasks}:
                if level.coarser is not None:
                    coarser = level.coarser
                    coarse[level] = composed(coarser, coarse.pop(coarser, None), tiles.pop(coarser, []), coarser.box)
            for batch in batched(tasks):
                for tile in self._tiles(batch, coarse):
                    tiles.setdefault(tile.task.level, []).append(tile)
        return [fill for level, made in tiles.items() for fill in _placed(level, coarse.get(level), made, hole)]

    def _tiles(self, tasks: list[ArrayTask], coarse: dict[ArrayLevel, np.ndarray]) -> list[ArrayTile]:
        """What the network makes of crops of one size."""
        images, knowns = zip(*(_shown(task, coarse.get(task.level)) for task in tasks), strict=True)
        image, known = np.stack(images), np.stack(knowns)[:, None]
        box = decoded_box(np.asarray((~known).any((0, 1))), matched_cell(known))
        made, inside = self._graphs.run(image, known, tasks[0].recurrences, box), (..., *box.slices)
        decoded = made.decoded
        if self._graphs.config.colour_match:
            decoded = matched_colours(decoded, image[inside], known[inside])
        there = known | at_size(made.known, *known.shape[-2:])
        filled = image.copy()
        filled[inside] = np.where(known[inside], image[inside], decoded.clip(0, 1))
        share = None
        if not bool(there.all()):
            # A coarser fill shows where the network has not come yet, and without one the interpolation does.
            filled = pull_push(filled, there.astype(np.float32))
            share = np.maximum(2 * share_within(there, FRONT) - 1, 0)
        filled = filled.clip(0, 1)
        result = []
        for number, task in enumerate(tasks):
            place = task.part.within(task.crop).slices
            counts = None if share is None or task.level.coarser is None else share[(number, 0, *place)].copy()
            result.append(ArrayTile(task, filled[(number, slice(None), *place)].copy(), counts))
        return result


def _shown(task: ArrayTask, coarse: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """What the network is shown of a crop: image (3, h, w), and what of it is known (h, w) bool."""
    level, crop = task.level, task.crop
    known = ~level.to_run(crop)
    image = np.where(known, level.colour(crop), np.float32(0)).clip(0, 1)
    inside = level.box.common(crop)
    if coarse is not None and inside is not None:
        place = (..., *inside.within(crop).slices)
        image[place] = np.where(level.known[inside.slices], image[place], coarse_colours(level, coarse, inside))
    return image, known


def _placed(
    level: ArrayLevel, coarse: np.ndarray | None, tiles: list[ArrayTile], hole: np.ndarray
) -> Iterator[PlacedFill]:
    """A region's fill at the picture's size, from its finest level; one that was run at that size part by part."""
    region = level.region
    if level.halvings:
        whole = level.at_picture_size(composed(level, coarse, tiles, level.box), level.box)
        fill = whole[(..., *region.box.within(level.in_picture(level.box)).slices)].copy()
        yield PlacedFill(region.box, fill, hole[region.box.slices] & region.own_pixels(region.box))
        return
    for cell in tile_boxes(level.hole_box, _CELL, 0):
        box = level.in_picture(cell)
        own = hole[box.slices] & region.own_pixels(box)
        if bool(own.any()):
            yield PlacedFill(box, composed(level, coarse, tiles, cell), own)
