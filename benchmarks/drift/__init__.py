"""Whether a change of the world is seen, and nothing else."""
