"""The page's functions as an API, for `gradio_client` and plain HTTP."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import Any, cast, get_args

import gradio as gr
import torch

from rfr_core.errors import HoleError
from rfr_core.holes.masks import hole_from_alpha
from rfr_core.images.picture_files import Picture, losses
from rfr_core.options import Detail
from rfr_nodes.demo.downloads import AS_UPLOADED, FORMATS, check_choice, check_format, save_download
from rfr_nodes.demo.filling import filled_steps
from rfr_nodes.demo.limits import MAX_CALLS, MAX_CALLS_IN_ALL, MAX_FEATHER, MAX_GROW, MAX_RECURRENCES
from rfr_nodes.demo.offered_models import Models
from rfr_nodes.demo.sentences import RequestError, in_sentences
from rfr_nodes.demo.session import FillOptions
from rfr_nodes.demo.storage import Storage
from rfr_nodes.demo.turns import Turns
from rfr_nodes.demo.uploads import Upload, read_mask_upload, read_upload, safe_stem, uploaded
from rfr_nodes.demo.visitors import visitor_of

DESCRIPTION = (
    "Fills the white part of a mask in a picture and returns the filled picture's file, at full size, with EXIF and "
    "ICC profile. Without a mask, what is transparent in the picture is filled. detail: auto, texture, exact or off."
)

REPORT = "Also returns a list of what the picture had and the file does not, such as the resolution in a WebP file."


def checked_options(model: Any, recurrences: Any, grow: Any, feather: Any, detail: Any) -> FillOptions:
    """The options of a request; 0 recurrences lets the hole decide. Raises RequestError for one out of range."""
    if not isinstance(model, str | None):
        raise RequestError(f"The model is {model!r}: give a name, or nothing for the default one.")
    limits = {"recurrences": MAX_RECURRENCES, "grow": MAX_GROW, "feather": MAX_FEATHER}
    values = {}
    for (name, most), value in zip(limits.items(), (recurrences, grow, feather), strict=True):
        if not isinstance(value, (int, float)) or not 0 <= value <= most:
            raise RequestError(f"The option {name} is {value!r}: give a number from 0 to {most}.")
        values[name] = int(value)
    if not isinstance(detail, str) or detail not in get_args(Detail):
        raise RequestError(f"The option detail is {detail!r}: give {', '.join(get_args(Detail)[:-1])} or off.")
    return FillOptions(model, values["recurrences"] or None, values["grow"], values["feather"], cast(Detail, detail))


def add_endpoints(models: Models, storage: Storage) -> None:
    """Adds ``/inpaint`` and ``/inpaint_report`` to the Blocks being built.

    Their calls take turns among themselves, apart from the page's. The second also returns what the file lacks.
    """
    turns = Turns(MAX_CALLS, MAX_CALLS_IN_ALL)

    async def report(
        image: Any,
        mask: Any = None,
        recurrences: float | None = 0,
        grow: float | None = 0,
        feather: float | None = 0,
        file_format: str | None = AS_UPLOADED,
        model: str | None = "",
        exact: bool | None = False,
        detail: str | None = "auto",
        request: gr.Request | None = None,
    ) -> tuple[str, list[str]]:
        if not isinstance(exact, bool | None):
            raise RequestError(f"The option exact is {exact!r}: give true or false, or detail instead.")
        detail = detail or "auto"
        detail = "exact" if exact and detail == "auto" else detail  # as it was said before there was `detail`
        options = checked_options(model, recurrences or 0, grow or 0, feather or 0, detail)
        file_format = file_format or AS_UPLOADED
        check_choice(file_format)
        visitor = visitor_of(request)
        storage.admit(visitor)
        inpainter = await models.load(options.model)
        async with turns.turn(visitor):
            upload, picture, hole = await asyncio.to_thread(_read, image, mask, storage.root)
            if mask is not None:  # else what is transparent, which the format need not hold, goes
                check_format(picture, file_format)
            # Step by step, so that the page's fills have their turn between. There are none for an empty hole.
            steps = models.thread.each(filled_steps(inpainter, picture.image, hole, options))
            images = [picture.image, *[image async for image in steps][-1:]]
        filled = picture.filled(images[-1])
        path = await asyncio.to_thread(_saved, filled, storage, upload, file_format)
        return str(path), list(losses(filled, path))

    @functools.wraps(report)  # for its parameters
    async def inpaint(*arguments: Any, **named: Any) -> str:
        path, _ = await report(*arguments, **named)
        return path

    with gr.Group(visible=False):
        inputs = [
            gr.Image(type="filepath", label="image"),
            gr.Image(type="filepath", label="mask"),
            gr.Number(0, label="recurrences"),
            gr.Number(0, label="grow"),
            gr.Number(0, label="feather"),
            gr.Dropdown(list(FORMATS), value=AS_UPLOADED, label="file_format"),
            gr.Textbox("", label="model"),
            gr.Checkbox(False, label="exact"),
            gr.Dropdown(list(get_args(Detail)), value="auto", label="detail"),
        ]
        file, dropped = gr.File(label="filled"), gr.JSON(label="dropped")
        functions = (
            ("inpaint", inpaint, file, DESCRIPTION),
            ("inpaint_report", report, [file, dropped], f"{DESCRIPTION} {REPORT}"),
        )
        for name, function, outputs, description in functions:
            gr.Button().click(
                functools.partial(in_sentences, as_html=False)(function),
                inputs,
                outputs,
                api_name=name,
                preprocess=False,
                api_description=description,
                concurrency_id="api",
                concurrency_limit=None,
            )


def _read(image: Any, mask: Any, root: Path) -> tuple[Upload, Picture, torch.Tensor]:
    """A call's picture and the hole in it."""
    upload = uploaded(image, root)
    picture = read_upload(upload)
    assert upload is not None
    size = (picture.image.height, picture.image.width)
    try:
        hole = hole_from_alpha(picture.image) if mask is None else read_mask_upload(uploaded(mask, root), size)
    except HoleError as error:
        text = str(error)
        raise RequestError(text[:1].upper() + text[1:]) from error
    return upload, picture, hole


def _saved(filled: Picture, storage: Storage, upload: Upload, file_format: str) -> Path:
    return save_download(filled, storage.result_folder(), safe_stem(upload.name), file_format)
