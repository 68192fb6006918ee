"""The documentation speaks of what is there: links, paths, options and commands that it names exist."""

import dataclasses
import re
from pathlib import Path

import pytest

from vos import plugins
from vos.cli import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "weights/README.md", *sorted((ROOT / "docs").glob("*.md"))]
TODAY = [page for page in PAGES if page.name != "experiments.md"]  # that one also tells of what was
names = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@names
def test_links_lead_to_files_and_headings_that_are_there(page):
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        if not link.startswith("https://"):
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", TODAY, ids=lambda page: page.name)
def test_paths_that_are_named_exist(page):
    for path in re.findall(r"`((?:vos|pages|tests|docs|scripts)/[\w/.]+)`", page.read_text()):
        name = path.removesuffix("/")
        there = (ROOT / name).exists() or "NAME" in name or "X.py" in name
        module, _, attribute = name.rpartition(".")  # such as video/masks.replacing
        assert there or re.search(rf"\b{attribute}\b", (ROOT / f"{module}.py").read_text()), path


def test_every_engine_and_every_option_of_one_is_told_with_its_default():
    text = (ROOT / "docs/engines.md").read_text()
    for name in plugins.names(plugins.ENGINES):
        assert f"\n## {name}\n" in text
        [row] = re.findall(rf"^\| `{name}` \| (`.*) \|$", text, re.MULTILINE)[-1:]
        for field in dataclasses.fields(plugins.load(plugins.ENGINES, name).Options):
            default = str(field.default).lower()
            assert re.search(rf"`{field.name}` \(`?{default}\b", row), (name, field.name)


def test_commands_that_are_shown_exist():
    known = plugins.names(COMMANDS)
    for page in PAGES:
        for name in re.findall(r"^(?: {4}|)(?:python -m )?vos ([a-z]+) ", page.read_text(), re.MULTILINE):
            assert name in known, (page.name, name)


def test_files_that_docstrings_and_comments_name_exist():
    sources = [*ROOT.glob("vos/**/*.py"), *ROOT.glob("pages/**/*.py"), *ROOT.glob("scripts/*")]
    for source in sources:
        for path in re.findall(r"\b(?:vos|pages|docs|tests)/[\w/]+\.(?:py|md)\b", source.read_text()):
            assert (ROOT / path).exists(), f"{source.name} names {path}"


def test_the_house_on_one_page_has_every_module_of_its_upper_floors():
    house = (
        (ROOT / "docs/architecture.md").read_text().partition("## The house")[2].partition("## The words")[0]
    )
    words = set(re.findall(r"\w+", house))
    for folder in ("vos", "pages"):
        for path in (ROOT / folder).iterdir():
            name = path.stem if path.suffix == ".py" else path.name
            is_room = path.suffix == ".py" or (path / "__init__.py").exists()
            assert not is_room or name.startswith("__") or name in words, f"{folder}/{path.name}"
