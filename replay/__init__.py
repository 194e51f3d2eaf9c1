"""The past is generated: from a request with typical exemplars to synthetic images. Imports ``stream`` alone."""
