"""``python -m rfr_core`` is the command ``rfr``."""

from rfr_core.command.cli import run

if __name__ == "__main__":
    run()
