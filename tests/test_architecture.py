"""Imports point one way: pages, commands -> benchmark -> services -> net | video -> types -> errors."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
LAYERS = {
    "streamlit_app": 5,
    "pages": 5,
    "vos.__main__": 5,
    "vos.cli": 5,
    "vos.commands": 5,
    "vos.api": 4,
    "vos.benchmark": 4,
    "vos": 3,
    "vos.net": 2,
    "vos.video": 2,
    "vos.options": 1,
    "vos.plugins": 1,
    "vos.tracks": 1,
    "vos.labels": 1,
    "vos.types": 1,
    "vos.folders": 0,
    "vos.owned": 0,
    "vos.errors": 0,
}


def _layer(module: str) -> tuple[str, int] | None:
    for name in sorted(LAYERS, key=len, reverse=True):
        if module == name or module.startswith(name + "."):
            return name, LAYERS[name]
    return None


def _imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = ROOT / Path(*(node.module or "").split(".")) / f"{alias.name}.py"
                found.append(f"{node.module}.{alias.name}" if inner.exists() else node.module or "")
    return found


def _sources() -> list[tuple[str, Path]]:
    files = [*ROOT.glob("vos/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "streamlit_app.py"]
    names = [".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for f in files]
    return [(name, file) for name, file in zip(names, files, strict=True) if file.exists()]


def test_no_import_points_up_or_sideways():
    wrong = []
    for module, file in _sources():
        own = _layer(module)
        assert own, module
        for target in _imports(file):
            other = _layer(target)
            if other and (other[1] > own[1] or (other[1] == own[1] == 2 and other[0] != own[0])):
                wrong.append(f"{module} imports {target}")
    assert not wrong


def test_vos_never_imports_streamlit():
    users = {module for module, file in _sources() for name in _imports(file) if name.startswith("streamlit")}
    assert not {module for module in users if module.startswith("vos")}


def test_only_jobs_starts_threads():
    users = {module for module, file in _sources() if "threading" in _imports(file)}
    assert not {module for module in users if module.startswith("vos") and not module.startswith("vos.jobs")}


def test_nothing_reads_pickles():
    users = {module for module, file in _sources() if {"pickle", "joblib", "shelve"} & set(_imports(file))}
    assert not users


def test_benchmarks_serve_commands_and_pages_only():
    users = {module for module, file in _sources() for name in _imports(file) if "vos.benchmark" in name}
    assert all(module.startswith(("pages.", "vos.commands.", "vos.benchmark")) for module in users)
