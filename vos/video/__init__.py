"""Video in and out: reading, writing, masks, overlays, the sample clip."""
