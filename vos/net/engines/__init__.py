"""One engine per file: TITLE, SUMMARY, NEEDS_PROMPT, WEIGHTS, Options and build()."""
