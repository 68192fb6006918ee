"""Pickers, one file each: a click, a box or a rough mask becomes a mask; the file name is the picker's name.

A picker module has TITLE and SUMMARY for people, WEIGHTS (a tuple of Weight), and
build(weights: Mapping[str, Path], device: Device) -> Picker, given the path of every weight by name.
"""
