"""Folders that belong to a living process: nobody else removes them, and somebody does once it died."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from vos.owned import OwnedFolder, abandoned

ROOT = Path(__file__).parents[1]
KILLED = """
import os, signal, sys
from pathlib import Path
from vos.owned import OwnedFolder
folder = OwnedFolder(Path(sys.argv[1]))
(folder.path / "half").write_text("made")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_goes_with_its_block_and_a_second_removal_does_nothing(tmp_path):
    with OwnedFolder(tmp_path) as name:
        (Path(name) / "file").write_text("x")
    assert list(tmp_path.iterdir()) == []
    folder = OwnedFolder(tmp_path)
    folder.cleanup()
    folder.cleanup()
    assert list(tmp_path.iterdir()) == []


def test_only_the_folders_of_dead_processes_are_abandoned_whatever_their_age(tmp_path):
    with OwnedFolder(tmp_path) as live:
        os.utime(live, (1, 1))
        done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], cwd=ROOT)
        assert done.returncode == -signal.SIGKILL
        (found,) = abandoned(tmp_path, remove=False)
        assert (found / "half").read_text() == "made"
        for folder in abandoned(tmp_path):
            assert folder == found
        assert not found.exists()
        assert {path.name for path in tmp_path.iterdir()} == {Path(live).name, Path(live).name + ".lock"}


def test_a_folder_that_outlives_its_process_is_abandoned_with_what_is_in_it(tmp_path):
    code = KILLED.replace("(Path(sys.argv[1]))", "(Path(sys.argv[1]), outlives=True)")
    code = code.rpartition("os.kill")[0]  # it ends as programs do
    subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, check=True)
    (found,) = abandoned(tmp_path, remove=False)
    assert (found / "half").read_text() == "made"


def test_many_threads_make_and_sweep_without_taking_each_others_folders(tmp_path):
    wrong = []

    def work():
        try:
            for _ in range(40):
                with OwnedFolder(tmp_path) as name:
                    (Path(name) / "file").write_text("x")
                    assert list(abandoned(tmp_path)) == []
                    assert (Path(name) / "file").read_text() == "x"
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert list(tmp_path.iterdir()) == []
