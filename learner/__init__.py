"""What is known changes: plan, score, detect, rehearse, update, checkpoint."""
