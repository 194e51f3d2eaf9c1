"""Small teachers, trained from labelled pictures: an open_clip model and a text-to-image pipeline, as published ones.

``python -m replay.teachers train`` makes them; what comes out loads with open_clip and diffusers alone.
"""
