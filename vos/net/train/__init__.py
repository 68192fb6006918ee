"""Training: clips to learn from, losses, one loop, and one recipe per network."""
