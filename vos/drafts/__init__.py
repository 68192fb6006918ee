"""Unfinished requests: what is drawn and clicked, its history, and how it is kept on disk."""

from vos.drafts.draft import DEFAULT_ENGINE, STEPS, Draft
from vos.drafts.drawn import Clicks, Drawn

__all__ = ["DEFAULT_ENGINE", "STEPS", "Clicks", "Draft", "Drawn"]
