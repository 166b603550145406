"""Run as a process of its own, since the Hub's client reads its environment once: does one thing and prints JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rfr_core.errors import CheckpointError


def main(action: str, arguments: dict[str, Any]) -> dict[str, Any]:
    if action in ("download", "upload"):
        from rfr_core import hub  # without torch, whose start is what takes time here

        names = tuple(arguments.pop("names", ("config.json", "model.safetensors")))
        if action == "download":
            return {"paths": [str(path) for path in hub.download(arguments.pop("source"), names, **arguments)]}
        folder = Path(arguments.pop("folder"))
        return {"address": hub.upload(folder, names, private=False, message="Upload", **arguments)}
    if action == "push_repository":
        from rfr_core.command.push import push

        address, missing = push(arguments.pop("checkpoint"), arguments.pop("repo_id"), **_paths(arguments))
        return {"address": address, "missing": missing}
    from rfr_core import checkpoints

    if action == "load":
        network = checkpoints.load_network(**arguments)
        return {"sum": float(sum(value.double().sum() for value in network.state_dict().values()))}
    return {"address": checkpoints.push_to_hub(**arguments)}


def _paths(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: Path(value) if name == "examples" else value for name, value in arguments.items()}


if __name__ == "__main__":
    try:
        print(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]))))
    except CheckpointError as error:
        print(json.dumps({"error": str(error)}))
