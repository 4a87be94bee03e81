"""The way in: `notifier …` and `python -m notifier …`."""

from __future__ import annotations

import sys

from notifier.cli.app import run


def main() -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
