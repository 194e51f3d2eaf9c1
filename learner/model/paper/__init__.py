"""R2R as published (arXiv 2505.04787): stages A, B and D, each formula one function; see docs/paper_method.md."""
