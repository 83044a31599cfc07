"""The command line: one thin function for each verb, in a file for each reader.

The training wing is imported inside the verbs.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, Any

import typer
from typer import Option
from typer.core import TyperGroup

from onepass.cli.making import align, distill, export, phrasebook, run, verify, work
from onepass.cli.measuring import bench, evaluate, probe
from onepass.cli.paper import ablate, figures, table
from onepass.cli.serving import serve, web
from onepass.cli.translating import fetch, info, models, translate
from onepass.version import __version__

RESUMED = ("run", "ablate")
"""Verbs that go on where they were stopped."""


PANELS = {
    "Translate": (translate, info, models, fetch),
    "Serve": (serve, web),
    "Make a translator": (run, work, verify, distill, align, export, phrasebook),
    "Measure": (evaluate, bench, probe),
    "The paper": (ablate, table, figures),
}
"""The verbs in the order of the help, under what one wants."""


class _Verbs(TyperGroup):
    """Stops with one line where the user stops, and notices a closed pipe before the interpreter ends."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the verbs under what one wants."""
        room = formatter.width - 4 - max(map(len, self.commands))
        for title, verbs in PANELS.items():
            names = [verb.__name__ for verb in verbs]
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(room)) for name in names])

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
            return result
        except (KeyboardInterrupt, EOFError) as error:
            how = "; run the same command again to go on" if ctx.invoked_subcommand in RESUMED else ""
            if os.environ.get("RANK", "0") == "0":  # one of all processes says it
                print(f"stopped{how}", file=sys.stderr)
            # A training says which signal has stopped it.
            raise typer.Exit(128 + getattr(error, "number", signal.SIGINT)) from None


app = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes what stands in brackets, each option's default, for a style
    help="Neural machine translation that writes the whole sentence in one parallel pass.",
)

for verbs in PANELS.values():
    for verb in verbs:
        app.command()(verb)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"onepass {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, Option("--version", callback=_version, is_eager=True, help="Version of the package.")
    ] = False,
) -> None:
    pass
