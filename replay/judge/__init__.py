"""Which generated images are kept."""
