"""The ComfyUI node pack: the host loads this folder by path and asks it for `comfy_entrypoint` and `WEB_DIRECTORY`."""

import importlib.util
import sys
from pathlib import Path

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """The pack's extension, whose nodes the host registers."""
    for name in ("rfr_core", "rfr_nodes"):
        _make_importable(name)
    from rfr_nodes.extension import RFRExtension

    return RFRExtension()


def _make_importable(name: str) -> None:
    """Import a package of this folder under its own name.

    The folder itself stays off `sys.path`, where its `train` and `tests` would get in the way of the host's imports.
    """
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, Path(__file__).resolve().parent / name / "__init__.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"the folder {name} is missing; install the pack anew")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
