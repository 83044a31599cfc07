"""50 power cuts on a file system of its own: what a writer has been told is written is there and whole.

The cut is ext4's own: from then on nothing reaches the disk, neither data nor journal. What the system had
already brought there is what the next mount finds.
"""

import fcntl
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

CUTS = 50
SHUTDOWN, WITHOUT_JOURNAL = 0x8004587D, 2
"""ext4's and XFS's request to stop at once, as in linux/fs/ext4/ext4.h."""

WORKER = """
import sys
from pathlib import Path

import torch

from onepass.files import replacing_directory, write_json, write_text
from onepass.pipeline.stage import Stage, begin, check_inputs, finish, is_done, read_record
from onepass.training.checkpoint import Progress, load_checkpoint, save_checkpoint

run = Path(sys.argv[1])


def state():
    torch.manual_seed(1)
    model = torch.nn.Linear(60, 60)
    return model, torch.optim.Adam(model.parameters(), lr=0.01)


def stage(number):
    return Stage("work", (), {"number": number}, run=lambda context: None)


for order in sys.stdin:  # a line for each power cut
    told = int(order)
    model, optimizer = state()
    restored = load_checkpoint(run / "checkpoint.pt", model, optimizer)
    number = restored.progress.update if restored else 0
    assert restored is None or restored.damaged is None, restored
    record = read_record(run / "work")
    if record is not None:
        assert record["reads"]["settings"]["number"] <= number + 1
        check_inputs(Stage("next", ("work",), {}, run=lambda context: None), run)
    assert number >= told, (number, told)
    print("found", number, flush=True)
    try:
        while True:
            number += 1
            model(torch.ones(60)).sum().backward()
            optimizer.step()
            partial = begin(stage(number), run)
            write_text(partial / "train.src", f"{number}\\n" * 5000)
            finish(stage(number), run, seconds=1.0, scratch=())
            save_checkpoint(run / "checkpoint.pt", model, optimizer, Progress(update=number))
            print("wrote", number, flush=True)
    except Exception as error:  # the power is cut
        print("cut", type(error).__name__, flush=True)
"""


def can_mount() -> bool:
    return os.geteuid() == 0 and all(
        shutil.which(name) for name in ("mkfs.ext4", "mount", "umount", "losetup")
    )


class Disk:
    """A file with a file system in it."""

    def __init__(self, folder: Path) -> None:
        self.image, self.place = folder / "disk.img", folder / "disk"
        with open(self.image, "wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", self.image], check=True)
        self.place.mkdir()

    def mount(self) -> bool:
        return (
            subprocess.run(["mount", "-o", "loop", self.image, self.place], capture_output=True).returncode
            == 0
        )

    def unmount(self) -> None:
        for _ in range(100):
            if subprocess.run(["umount", self.place], capture_output=True).returncode == 0:
                return
            time.sleep(0.05)

    def cut_power(self) -> None:
        descriptor = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", WITHOUT_JOURNAL))
        finally:
            os.close(descriptor)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if not can_mount():
        pytest.skip("no loop device without root")
    made = Disk(tmp_path)
    if not made.mount():
        pytest.skip("no loop device without root")
    try:
        yield made
    finally:
        made.unmount()


def test_power_cuts_lose_at_most_the_work_since_the_last_checkpoint(disk: Disk) -> None:
    chance = random.Random(1)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(disk.place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    told = 0
    try:
        for _ in range(CUTS):
            print(told, file=worker.stdin, flush=True)
            word, number = worker.stdout.readline().split()
            assert word == "found"
            assert int(number) in (told, told + 1)
            told = int(number)  # written, though the cut came before it was said
            if chance.random() < 0.5:  # at least one more checkpoint
                word, number = worker.stdout.readline().split()
                assert word == "wrote"
                told = int(number)
            time.sleep(chance.uniform(0, 0.05))
            disk.cut_power()
            while (line := worker.stdout.readline().split())[0] == "wrote":
                told = int(line[1])
            assert line[0] == "cut"
            disk.unmount()
            assert disk.mount()
    finally:
        worker.stdin.close()
        worker.send_signal(signal.SIGTERM)
        worker.wait()
        worker.stdout.close()
    assert told >= CUTS // 3  # the cuts came while it was at work
