"""Page config, navigation, and the count of page visits, nothing else."""

from pathlib import Path

import streamlit as st

from pages import _acts, _theme

ICON = Path(__file__).with_name("icon.png")
st.set_page_config(page_title="VOS: one object out of a video", page_icon=ICON, layout="wide")
st.html(_theme.style())
pages = [
    st.Page("home.py", title="Home", icon=":material/home:", default=True),
    st.Page("upload.py", title="Upload", icon=":material/brush:"),
    st.Page("video.py", title="Video", icon=":material/movie:"),
    st.Page("trajectory.py", title="Trajectory", icon=":material/timeline:"),
    st.Page("gallery.py", title="Gallery", icon=":material/grid_view:"),
    st.Page("compare.py", title="Compare", icon=":material/compare:"),
]
if not _acts.may_change():  # a guest of a shared dashboard looks; uploading is not for them
    del pages[1]
page = st.navigation(pages, position="top")
here = f"{page.url_path or 'home'}.py"
_acts.arrive(here)
if st.session_state.get("page") != here:  # a canvas is mounted anew on every visit
    st.session_state["page"] = here
    st.session_state["visit"] = st.session_state.get("visit", 0) + 1
page.run()
