"""One subcommand per file: HELP, arguments(parser), run(args) -> int."""
