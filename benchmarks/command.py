"""``python -m benchmarks.command`` is the command ``rfr``, but whoever runs it in a process goes on when it is done."""

from rfr_core.command.cli import main

if __name__ == "__main__":
    main()
