"""One engine per file: TITLE, SUMMARY, NEEDS_PROMPT, WEIGHTS, Options and build().

An engine whose options choose among its weights also has weights_for(options).

An engine for which there are official checkpoints has OFFICIAL: Mapping[str, str], variant -> the name of
its file in weights/, and from_official(variant, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]: from a
checkpoint's tensors ("module." taken off their names) to what the engine loads from that file; InvalidInput
for a checkpoint of another network. `python -m vos weights import` reads and writes the files.
"""
