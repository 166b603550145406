"""The page's functions as an API, for `gradio_client` and plain HTTP."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import gradio as gr

from rfr_core.errors import HoleError
from rfr_core.holes.masks import hole_from_alpha
from rfr_core.images.picture_files import Picture
from rfr_nodes.demo.downloads import AS_UPLOADED, FORMATS, save_download
from rfr_nodes.demo.filling import keywords
from rfr_nodes.demo.limits import MAX_FEATHER, MAX_GROW, MAX_RECURRENCES
from rfr_nodes.demo.models import Models
from rfr_nodes.demo.sentences import RequestError, in_sentences
from rfr_nodes.demo.session import Options
from rfr_nodes.demo.uploads import read_mask_upload, read_upload, safe_stem, uploaded

DESCRIPTION = (
    "Fills the white part of a mask in a picture and returns the filled picture's file, at full size, with EXIF and "
    "ICC profile. Without a mask, what is transparent in the picture is filled."
)


def checked_options(model: Any, recurrences: Any, grow: Any, feather: Any, exact: Any) -> Options:
    """The options of a request; 0 recurrences lets the hole decide. Raises RequestError for one out of range."""
    if not isinstance(model, str | None):
        raise RequestError(f"model is {model!r}: give a name, or nothing for the default one.")
    limits = {"recurrences": MAX_RECURRENCES, "grow": MAX_GROW, "feather": MAX_FEATHER}
    values = {}
    for (name, most), value in zip(limits.items(), (recurrences, grow, feather), strict=True):
        if not isinstance(value, (int, float)) or not 0 <= value <= most:
            raise RequestError(f"{name} is {value!r}: give a number from 0 to {most}.")
        values[name] = int(value)
    if not isinstance(exact, bool):
        raise RequestError(f"exact is {exact!r}: give true or false.")
    return Options(model, values["recurrences"] or None, values["grow"], values["feather"], exact)


def add_endpoints(models: Models, folder: Path, concurrency_id: str) -> None:
    """Adds ``/inpaint`` to the Blocks being built; results go into ``folder``, run in turn with ``concurrency_id``."""

    @in_sentences
    def inpaint(
        image: Any,
        mask: Any,
        recurrences: float,
        grow: float,
        feather: float,
        file_format: str,
        model: str,
        exact: bool,
    ) -> str:
        options = checked_options(model, recurrences, grow, feather, exact)
        upload = uploaded(image, folder)
        picture = read_upload(upload)
        size = (picture.image.height, picture.image.width)
        try:
            hole = hole_from_alpha(picture.image) if mask is None else read_mask_upload(uploaded(mask, folder), size)
        except HoleError as error:
            raise RequestError(str(error)) from error
        inpainter = models.get(options.model)
        filled = models.thread.run(lambda: inpainter(picture.image, hole, **keywords(options)))
        target = folder / secrets.token_hex(16)
        target.mkdir(mode=0o700, parents=True)
        filled = Picture(filled, picture.exif, picture.icc_profile, picture.format)
        assert upload is not None
        return str(save_download(filled, target, safe_stem(upload.name), file_format))

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
        ]
        output = gr.File(label="filled")
        gr.Button().click(
            inpaint,
            inputs,
            output,
            api_name="inpaint",
            preprocess=False,
            api_description=DESCRIPTION,
            concurrency_id=concurrency_id,
            concurrency_limit=1,
        )
