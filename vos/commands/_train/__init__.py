"""What `train` needs of each network: HELP, DATA, RATE, arguments(parser) and prepare(args, device)."""
