"""``python -m rfr_core`` is the command ``rfr``."""

from rfr_core.cli import main

if __name__ == "__main__":
    main()
