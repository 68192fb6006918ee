"""Video object segmentation: one object out of a video, from its mask on one frame."""

import os

__version__ = "0.1.0"

# Torch's threads spin while they wait for each other, and what else runs (the video encoder, the dashboard,
# other programs) waits for them. Spinning briefly, then sleeping, took 113 ms a frame of the default engine
# where spinning took 106 on two idle cores, and 264 where it took 326 beside another busy program. It must
# be said before torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")
