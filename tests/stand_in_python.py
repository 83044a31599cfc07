"""Stands in for Python where a launcher starts it: `tiny_launch` forks the process, and this waits for it.

It imports little. It hands on its arguments, folder, environment and signals, and ends as the other does.
"""

import json
import os
import signal
import socket
import sys


def main(address: str, words: list[str]) -> None:
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(address)
        asked = {"words": words, "cwd": os.getcwd(), "environment": dict(os.environ)}
        link.sendall(json.dumps(asked).encode() + b"\n")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: link.sendall(b"%d\n" % number))
        done = json.loads(link.makefile("rb").readline())
    sys.stdout.write(done["out"])
    sys.stderr.write(done["err"])
    if done["code"] < 0:
        signal.signal(-done["code"], signal.SIG_DFL)
        os.kill(os.getpid(), -done["code"])
    sys.exit(done["code"])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
