"""Stopped before its imports are done, the command leaves no traceback."""

import subprocess
import sys

INTERRUPTED = """
import builtins, sys
found = builtins.__import__

def interrupt(name, *others):
    if name == "typer":
        raise KeyboardInterrupt
    return found(name, *others)

builtins.__import__ = interrupt
sys.argv = ["onepass", "translate", "Yes."]
from onepass.__main__ import main
main()
"""


def test_an_interrupt_while_the_command_is_imported_leaves_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
