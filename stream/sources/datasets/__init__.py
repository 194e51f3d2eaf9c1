"""Labelled data sets as streams: packs, orders, drifts."""
