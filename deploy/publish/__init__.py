"""From a checkpoint to a version: export once, fill in new values, pass the gates."""
