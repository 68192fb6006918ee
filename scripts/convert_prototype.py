"""Convert weights of ../shared/prototype to this project's network: names, RGB for BGR, split convolutions.

python scripts/convert_prototype.py ../shared/prototype/memory-v0.safetensors weights/memory.safetensors
"""

import hashlib
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).parent.parent))
from vos.net.memory import MemoryNetwork

MODULES = {
    "stem": "trunk.stem.0",
    "l4": "trunk.stage4",
    "l8": "trunk.stage8",
    "l16": "trunk.stage16",
    "m.0": "mask.0.0",
    "m.1": "mask.1.0",
    "m.2": "mask.2.0",
    "m.3": "mask.3.0",
    "fuse.0": "fuse",
    "fuse.1": "fuse2",
    "pos": "distance",
    "d16.0": "decode16",
    "d16.1": "decode16b",
    "k8": "skip8",
    "k4": "skip4",
    "k2": "skip2",
    "r8": "up8",
    "r4": "up4",
    "r2": "up2",
    "d8": "decode8",
    "d4": "decode4",
    "d2": "decode2.0",
    "o": "logit",
}
PARTS = {"a": "conv1", "b": "conv2", "d": "shortcut"}
# Where the image's channels lie among a convolution's inputs; the prototype concatenated them.
IMAGE = {"fuse": slice(0, 160), "decode16": slice(128, 288)}


def rename(name: str) -> str:
    """Return our name of the prototype's tensor."""
    module = max((m for m in MODULES if name == m or name.startswith(m + ".")), key=len, default="")
    if not module:
        return name  # key.weight, key.bias
    parts = name[len(module) + 1 :].split(".")
    normed = len(parts) > 1 and parts[-2] in "01"
    parts = [PARTS.get(part, part) for part in parts]
    if normed:
        parts[-2] = "conv" if parts[-2] == "0" else "norm"
    return ".".join(part for part in (MODULES[module], *parts) if part)


def convert(old: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the state of our network, float16 as the prototype's."""
    new: dict[str, torch.Tensor] = {}
    for name, tensor in old.items():
        if name.startswith("sel.") or name.endswith("num_batches_tracked"):
            continue  # never used
        name = rename(name)
        block, _, part = name.partition(".")
        if block in IMAGE and part in ("conv1.conv.weight", "shortcut.conv.weight"):
            image = IMAGE[block]
            new[name.replace("conv.weight", "image.weight")] = tensor[:, image]
            tensor = torch.cat((tensor[:, : image.start], tensor[:, image.stop :]), 1)
        new[name] = tensor
    new["trunk.stem.0.conv.weight"] = new["trunk.stem.0.conv.weight"].flip(1)
    return {name: tensor.half().contiguous() for name, tensor in sorted(new.items())}


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    state = convert(load_file(source))
    MemoryNetwork().load_state_dict(state, strict=True)
    save_file(state, target)
    print(target, hashlib.sha256(target.read_bytes()).hexdigest())
