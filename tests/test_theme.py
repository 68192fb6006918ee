"""All text can be read, 4.5 to 1, in both themes: computed from .streamlit/config.toml."""

import tomllib
from pathlib import Path

import pytest

from pages._theme import READABLE, contrast, written_on

CONFIG = tomllib.loads((Path(__file__).parents[1] / ".streamlit" / "config.toml").read_text())["theme"]


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#ff4f9a") == pytest.approx(3.07, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_every_background(theme):
    colours = CONFIG[theme]
    for text in ("textColor", "linkColor", "primaryColor"):
        for background in ("backgroundColor", "secondaryBackgroundColor"):
            assert contrast(colours[text], colours[background]) >= READABLE, (text, background)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_words_of_primary_buttons_can_be_read(theme):
    primary = CONFIG[theme]["primaryColor"]
    assert contrast(written_on(primary, CONFIG[theme]["backgroundColor"]), primary) >= READABLE
