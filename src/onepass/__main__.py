"""`onepass` and `python -m onepass`: the command line, quiet where it is stopped before it is there."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the installed command."""
    try:
        from onepass.cli import main as run  # takes a tenth of a second

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
