"""`onepass` and `python -m onepass`: the command line, without a traceback where the user can act.

It is quiet where it is stopped, even before it is there.
"""

from __future__ import annotations

import io
import os
import sys
import warnings

SERVE = ("starlette", "uvicorn", "prometheus_client", "python_multipart")
"""Packages of `onepass serve`; all others that may be missing belong to the training wing."""


def main() -> None:
    """Entry point of the installed command."""
    try:
        from onepass.cli import app  # takes a tenth of a second
        from onepass.errors import OnepassError

        # oneDNN keeps a compiled kernel for every shape that it has met. Its default of 1024 of them is
        # 12 GB in a training.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
        warnings.simplefilter("ignore")
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # its encoding may lack letters that are printed
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        try:
            app()
        except OnepassError as error:
            _fail(error, error.exit_code)
        except ModuleNotFoundError as error:
            package = (error.name or "onepass").split(".")[0]
            if package == "onepass":
                raise
            extra = "serve" if package in SERVE else "train"
            missing = OnepassError(
                "This needs a package that is not installed",
                value=package,
                fix=f"pip install 'onepass[{extra}]'",
            )
            _fail(missing, missing.exit_code)
        except OSError as error:  # a full disk, say
            _fail(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(error: Exception, exit_code: int) -> None:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
