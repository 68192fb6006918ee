"""One export per file: SUFFIX, LABEL and export()."""
