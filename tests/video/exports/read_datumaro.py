"""Run by datumaro's own Python: prints what datumaro reads, one JSON line for each annotation."""

import hashlib
import json
import sys

import datumaro as dm
import numpy as np
from pycocotools import mask as coco_mask

path, kind, height, width = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
data = dm.Dataset.import_from(path, kind)
names = [label.name for label in data.categories()[dm.AnnotationType.label]]
for item in data:
    for annotation in item.annotations:
        if annotation.type == dm.AnnotationType.bbox or annotation.attributes.get("outside"):
            continue
        if annotation.type == dm.AnnotationType.polygon:
            runs = coco_mask.frPyObjects([annotation.points], height, width)
            mask = coco_mask.decode(coco_mask.merge(runs))
        else:
            mask = annotation.image
        bits = np.packbits(np.asarray(mask) > 0).tobytes()
        track = annotation.attributes.get("track_id")
        print(
            json.dumps(
                {
                    "item": item.id,
                    "name": names[annotation.label],
                    "track": None if track is None else int(track),
                    "mask": hashlib.sha256(bits).hexdigest(),
                }
            )
        )
