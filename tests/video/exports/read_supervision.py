"""Run by the Python of .venv-exports: prints what supervision reads of a YOLO data set, a line an object."""

import json
import sys
from pathlib import Path

import supervision as sv

folder = Path(sys.argv[1])
data = sv.DetectionDataset.from_yolo(
    images_directory_path=str(folder / "images/train"),
    annotations_directory_path=str(folder / "labels/train"),
    data_yaml_path=str(folder / "data.yaml"),
    force_masks=True,
)
for path, _, found in data:
    for k in range(len(found)):
        rows, columns = found.mask[k].nonzero()
        name = data.classes[found.class_id[k]]
        places = [rows.tolist(), columns.tolist()]
        print(json.dumps({"item": Path(path).stem, "name": name, "places": places}))
