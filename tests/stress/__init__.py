"""Hostile input, faults and load: ``python -m tests.stress [area]``, and in a short form ``tests/test_stress*.py``."""

import sys
from pathlib import Path

_TESTS = str(Path(__file__).resolve().parents[1])
if _TESTS not in sys.path:  # the tests' own helpers; pytest finds them by itself
    sys.path.insert(0, _TESTS)
