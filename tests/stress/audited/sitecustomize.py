"""Imported by Python when it starts with this folder in PYTHONPATH: notes every name and address that is looked for."""

import os
import sys


def _note(event: str, arguments: tuple) -> None:
    if event == "socket.getaddrinfo":
        asked = str(arguments[0])
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        asked = str(arguments[1][0])
    else:
        return
    if asked not in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "None"):
        with open(os.environ["RFR_STRESS_ASKED"], "a") as file:  # noqa: PTH123  (nothing is imported at this moment)
            file.write(f"{asked}\n")


sys.addaudithook(_note)
