"""``python -m benchmarks [SECTION ...]``: measures, and prints ratios with the machine that they were measured on."""

from __future__ import annotations

import argparse
import json
import os
import time
from importlib import import_module
from pathlib import Path

import torch

from benchmarks.machine import describe_machine
from benchmarks.setting import Setting
from benchmarks.timing import CLOCKS

SECTIONS = {
    "fills": "fills",
    "network": "speed",
    "lama": "lama",
    "photo": "photo",
    "startup": "startup",
    "folder": "folder",
    "memory": "memory",
    "peaks": "peaks",
    "training": "training",
    "onnx": "onnx",
    "compile": "compiled",
    "gpu": "gpu",
    "gpu-fills": "gpu_fills",
    "defects": "defects",
    "restore": "restoration",
    "sequence": "sequences",
    "seams": "seams",
    "comfyui": "comfyui",
    "dust": "dust",
}


def main() -> None:
    arguments = _arguments()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)  # for the commands and hosts that sections start
    setting = Setting(tuple(arguments.sizes), arguments.rounds, arguments.clock, arguments.pictures)
    machine = describe_machine()
    print(", ".join(f"{name}: {value}" for name, value in machine.items()), flush=True)
    results = {}
    for section in arguments.sections or SECTIONS:
        started = time.perf_counter()
        table = import_module(f"benchmarks.{SECTIONS[section]}").run(setting)
        print(f"\n{table.markdown()}\n({time.perf_counter() - started:.0f} s)", flush=True)
        results[section] = table.to_dict()
    if arguments.json:
        text = json.dumps(
            {"machine": machine, "setting": vars(setting) | {"pictures": setting.pictures.name}, "results": results},
            indent=2,
        )
        arguments.json.write_text(text + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What the library costs, as ratios.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; left out, all")
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 512], help="sides of square pictures")
    parser.add_argument("--rounds", type=int, default=3, help="of which medians are taken")
    parser.add_argument("--threads", type=int, help="left out, torch's own choice")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: this process's time, on a busy machine")
    parser.add_argument(
        "--pictures", type=Path, default=Setting.pictures, help="photographs for defects, frames, seams"
    )
    parser.add_argument("--json", type=Path, help="write the results to this file, too")
    arguments = parser.parse_args()
    unknown = [section for section in arguments.sections if section not in SECTIONS]
    if unknown:
        parser.error(f"there is no section {unknown[0]!r}; choose among {', '.join(SECTIONS)}")
    return arguments


if __name__ == "__main__":
    main()
