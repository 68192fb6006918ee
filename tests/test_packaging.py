"""What is installed is what is pinned, keeps results in the home, and nothing needs a Unix."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORT_ALL = """
import importlib, pkgutil, secrets, shutil, sys, types, weakref
for name in ("resource", "fcntl", "pwd", "grp", "termios"):
    sys.modules[name] = None
locks = sys.modules["msvcrt"] = types.ModuleType("msvcrt")
locks.LK_LOCK, locks.LK_NBLCK, locks.locking = 1, 2, lambda descriptor, how, size: None
here, sys.platform = sys.platform, "win32"
from vos import owned
with owned.OwnedFolder(owned.Path(sys.argv[1])) as folder:
    assert owned.Path(folder).is_dir()
assert not owned.Path(folder).exists()
sys.platform = here
del sys.modules["msvcrt"]
import vos
for module in pkgutil.walk_packages(vos.__path__, "vos."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from vos.cli import main
try:
    main(["--help"])
except SystemExit as end:
    sys.exit(end.code)
"""


def test_the_package_needs_what_the_requirements_pin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = (ROOT / "requirements.txt").read_text().split()
    assert sorted(project["dependencies"]) == sorted(pinned)
    assert all("==" in requirement for requirement in pinned)


def test_everything_imports_where_there_is_no_unix(tmp_path):
    command = [sys.executable, "-c", IMPORT_ALL, tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "segment" in done.stdout


def test_results_of_an_installed_package_do_not_lie_beside_it(tmp_path):
    (tmp_path / "vos").symlink_to(ROOT / "vos")
    (tmp_path / "vos_app").mkdir()
    code = "from vos.folders import results; print(results())"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "HOME": str(tmp_path / "me"), "VOS_CACHE": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == str(tmp_path / "me" / ".vos")
