"""Tracks: where objects are, frame by frame, and the tables and files that say so."""

from vos.tracks.track import COLUMNS, Track, TrackBuilder

__all__ = ["COLUMNS", "Track", "TrackBuilder"]
