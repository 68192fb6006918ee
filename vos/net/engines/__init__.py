"""One engine per file: TITLE, SUMMARY, NEEDS_PROMPT, LOOKAHEAD, WEIGHTS, Options and build().

An engine whose options choose among its weights also has weights_for(options).
"""
