"""Has the world changed? Detectors over the frames' scores."""
