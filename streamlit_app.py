"""What `streamlit run` starts: the dashboard and the HTTP routes in one process."""

import logging

import streamlit as st
from starlette.middleware import Middleware
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from vos.process import prepare_process

prepare_process()  # before anything loads torch

from vos import sharing  # noqa: E402
from vos.api import patience, routes  # noqa: E402
from vos.api.guard import Guard  # noqa: E402

log = logging.getLogger("vos")


def tell(error: Exception) -> bool:
    """Log a page's bug with its traceback, and tell the user in a sentence."""
    log.error("a page failed", exc_info=error)
    st.error("Something went wrong on this page; the log has the details. Reloading may help.")
    return True


patience.limit(AutoHTTPProtocol)
app = st.App(
    "pages/_shell.py",
    routes=routes,
    middleware=[
        Middleware(Guard, hosts=st.get_option("server.allowedHosts") or [], embedders=sharing.embedders())
    ],
    on_script_error=tell,
)
