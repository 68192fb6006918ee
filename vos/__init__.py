"""Video object segmentation: one object out of a video, from its mask on one frame."""

__version__ = "0.2.0"
