"""Tiny videos, and a camera that speaks HTTP, for tests."""

import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np

from stream.image_codec import decode_image, encode_jpeg
from tests.wait import PATIENCE_SECONDS

SIZE = (48, 32)


def grey(value, size=SIZE):
    return np.full((size[1], size[0], 3), value, np.uint8)


def write_video(path, values, rate=10, size=SIZE):
    """Write one grey picture for each value; the file can be played while it is being loaded."""
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for value in values:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey(value, size), format="rgb24")))
        container.mux(stream.encode())
    return path


def shown(given):
    """Return the grey value of each frame, rounded to tens, so that two codecs do not matter."""
    return [round(float(decode_image(item.frame.image, 10**6, 10**6).mean()), -1) for item in given]


class HttpCamera:
    """An IP camera: each connection is served by the next script, and by the last one again and again.

    A script is a list of grey values, sent as motion JPEG; then the connection ends, or, after None, stays silent. The
    empty list refuses with 503. FFmpeg knows the format after two pictures.
    """

    def __init__(self, *scripts):
        self.connections = 0
        self._scripts = scripts
        self._closing = threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                script = scripts[min(camera.connections, len(scripts) - 1)]
                camera.connections += 1
                camera._serve(self, script)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/video"

    def _serve(self, handler, script):
        if not script:
            handler.send_error(503)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        for value in script:
            if value is None:
                self._closing.wait(PATIENCE_SECONDS)
                return
            image = encode_jpeg(grey(value), 90)
            head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(image)
            with suppress(OSError):  # the client has gone
                handler.wfile.write(head + image + b"\r\n")

    def close(self):
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class FileServer:
    """Serves a folder over HTTP; the first answers may be cut after so many bytes each."""

    def __init__(self, folder, cuts=()):
        cuts = list(cuts)

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args, **keywords):
                super().__init__(*args, directory=str(folder), **keywords)

            def log_message(self, *_):
                pass

            def copyfile(self, source, outputfile):
                with suppress(OSError):
                    outputfile.write(source.read(cuts.pop(0)) if cuts else source.read())

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
