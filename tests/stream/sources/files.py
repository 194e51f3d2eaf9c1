"""Image files for tests."""

import os

import numpy as np

from stream.image_codec import encode_jpeg, encode_png


def picture(value, size=8):
    """Return a grey image with a bright corner, so that no two values look alike."""
    image = np.full((size, size, 3), value, np.uint8)
    image[0, 0] = 255 - value
    return image


def write_picture(folder, path, value, mtime=None, size=8):
    """Write a PNG or a JPEG, by its suffix, and return its bytes."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    image = picture(value, size)
    data = encode_jpeg(image, 90) if file.suffix.lower() in (".jpg", ".jpeg") else encode_png(image)
    file.write_bytes(data)
    if mtime is not None:
        os.utime(file, (mtime, mtime))
    return data
