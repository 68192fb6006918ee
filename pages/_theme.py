"""Colours that can be read: what is written on the primary colour, and in charts, in both themes."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

READABLE = 4.5  # WCAG 2.2, 1.4.3, for text of any size


def current() -> str:
    """Return the theme of this browser: light or dark."""
    return "dark" if st.context.theme.type == "dark" else "light"


def colour(name: str) -> str:
    """Return a colour of the current theme, as .streamlit/config.toml names it."""
    return str(st.get_option(f"theme.{current()}.{name}"))


def luminance(code: str) -> float:
    """Return the relative luminance, 0..1, of a colour #rrggbb (WCAG 2.2)."""
    parts = [value / 255 for value in bytes.fromhex(code.lstrip("#"))]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Return the contrast, 1..21, of two colours."""
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def written_on(code: str, background: str) -> str:
    """Return what can be read on a colour: white where it can, else the page's background."""
    return "#ffffff" if contrast("#ffffff", code) >= READABLE else background


def style() -> str:
    """Return the CSS that Streamlit's theme settings have no word for."""
    on_primary = written_on(colour("primaryColor"), colour("backgroundColor"))
    return (
        "<style>.stMainBlockContainer{padding-top:4rem}"
        f'[data-testid="stBaseButton-primary"]:not(:disabled){{color:{on_primary}}}'
        f"[data-testid=stCaptionContainer],[data-testid=stMetricLabel]{{color:inherit;opacity:.85}}</style>"
    )


def chart(figure: go.Figure, key: str, *, bar: bool = False, **layout: Any) -> None:
    """Show a figure whose words have the colour of the page's text."""
    text = colour("textColor")
    named = {"color": text}
    axis = {"tickfont": named, "title": {"font": named}}
    figure.update_layout(font=named, legend={"font": named}, title={"font": named}, **layout)
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    if "scene" in figure.layout.to_plotly_json():
        figure.update_layout(scene={"xaxis": axis, "yaxis": axis, "zaxis": axis})
    st.plotly_chart(figure, key=key, config={"displayModeBar": bar, "displaylogo": False})
