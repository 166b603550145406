#!/usr/bin/env python3
"""A plug-in for GIMP 3: fills the selection with the command ``rfr``, as a new layer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio, GLib  # noqa: E402

NAME = "rfr-inpaint"


class RFRInpaint(Gimp.PlugIn):
    """Tells GIMP which procedures there are."""

    def do_set_i18n(self, _name: str) -> bool:
        return False

    def do_query_procedures(self) -> list[str]:
        return [NAME]

    def do_create_procedure(self, name: str) -> Any:
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        procedure.set_menu_label("Remove the Selection (RFR)")
        procedure.add_menu_path("<Image>/Filters/Enhance/")
        text = "Fills the selection from its surroundings."
        procedure.set_documentation(text, f"{text} The fill is a new layer.", name)
        procedure.set_attribution("The rfr-inpainting contributors", "MIT", "2026")
        return procedure


def run(procedure: Any, _mode: Any, image: Any, _drawables: Any, _config: Any, _data: Any) -> Any:
    """The procedure: one undo step, or an error in a sentence and nothing changed."""
    if Gimp.Selection.is_empty(image):
        return _failed(procedure, "Nothing is selected; select what should be filled.")
    try:
        with tempfile.TemporaryDirectory(prefix="rfr-gimp-") as folder:
            picture, mask, filled = (Path(folder, f"{name}.png") for name in ("picture", "mask", "filled"))
            _save_picture(image, picture)
            _save_selection(image, mask)
            fill(picture, mask, filled)
            _add_layer(image, filled)
    except RuntimeError as error:
        return _failed(procedure, str(error))
    return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)


def fill(picture: Path, mask: Path, filled: Path) -> None:
    """Runs ``rfr``; raises RuntimeError with its sentence when it fails, or says how to install it."""
    program = os.environ.get("RFR") or shutil.which("rfr")
    if program is None:
        raise RuntimeError("The program rfr is not found; run `pipx install rfr-inpainting`, or set RFR to its path.")
    command = [program, "inpaint", str(picture), str(mask), "-o", str(filled)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise RuntimeError(f"{program} cannot be started ({error.strerror}); set RFR to the program.") from error
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"{program} ended with status {done.returncode}.")


def _save_picture(image: Any, path: Path) -> None:
    copy = image.duplicate()
    copy.flatten()
    _save(copy, path)


def _save_selection(image: Any, path: Path) -> None:
    """White where it is selected."""
    copy = image.duplicate()
    layer = copy.flatten()
    layer.fill(Gimp.FillType.WHITE)  # the whole layer
    Gimp.Selection.invert(copy)
    layer.invert(False)  # what is selected: all that was not
    _save(copy, path)


def _save(image: Any, path: Path) -> None:
    done = Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(path)), None)
    image.delete()
    if not done:
        raise RuntimeError(f"GIMP could not write {path}.")


def _add_layer(image: Any, path: Path) -> None:
    layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(path)))
    image.undo_group_start()
    layer.set_name("Filled by RFR")
    image.insert_layer(layer, None, 0)
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
    image.undo_group_end()
    Gimp.displays_flush()


def _failed(procedure: Any, sentence: str) -> Any:
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), sentence, 0)
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)


if __name__ == "__main__":
    Gimp.main(RFRInpaint.__gtype__, sys.argv)
