"""What `streamlit run` starts: the dashboard and the HTTP routes in one process."""

import logging

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from vos.process import prepare_process

prepare_process()  # before anything loads torch

from vos.api import routes  # noqa: E402

log = logging.getLogger("vos")


def tell(error: Exception) -> bool:
    """Log a page's bug with its traceback, and tell the user in a sentence."""
    log.error("a page failed", exc_info=error)
    st.error("Something went wrong on this page; the log has the details. Reloading may help.")
    return True


hosts = st.get_option("server.allowedHosts") or ["*"]
app = st.App(
    "pages/_shell.py",
    routes=routes,
    middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
    on_script_error=tell,
)
