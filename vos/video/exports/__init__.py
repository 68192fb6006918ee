"""One export per file, found by its name.

Each has LABEL and WHO (what it is, who uses it), SUFFIX (of its file), a frozen dataclass Options, and
`export(source, options, target)`: a generator of Steps that writes `target` whole or not at all. Closing it
cancels. Files that begin with an underscore are what several exports share.
"""
