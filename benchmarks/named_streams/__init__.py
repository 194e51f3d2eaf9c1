"""What learning adds to a labeller where the world leaves it."""
