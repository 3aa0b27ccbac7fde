"""A local HTTP server of one file, like a model hub: redirects, ranges, stated hashes, faults."""

import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub:
    """What the server does.

    Attributes
    ----------
    content : the file's bytes
    ranges : answer a range with its part; else with the whole file
    breaks : after how many bytes each next answer ends early; then whole
    statuses : of each next answer, instead of the file
    states : headers of the redirect
    redirect : where to; empty: to the file itself
    asked : (path, range) of each request
    """

    def __init__(self, content):
        self.content = content
        self.ranges, self.redirect = True, ""
        self.breaks, self.statuses, self.asked = [], [], []
        self.states = {
            "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Linked-Size": str(len(content)),
        }
        self.url = ""


def _handler(hub):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            hub.asked.append((self.path, self.headers.get("Range")))
            if self.path == "/resolve/model.ckpt":
                self._begin(302, {**hub.states, "Location": hub.redirect or "/file"})
            elif hub.statuses:
                self._begin(hub.statuses.pop(0), {"Content-Length": "0"})
            else:
                self._send()

        def _send(self):
            total, start = len(hub.content), 0
            wanted = self.headers.get("Range")
            if wanted and hub.ranges:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= total:
                    return self._begin(416, {"Content-Range": f"bytes */{total}"})
                more = {"Content-Range": f"bytes {start}-{total - 1}/{total}"}
                self._begin(206, {"Content-Length": str(total - start), **more})
            else:
                self._begin(200, {"Content-Length": str(total)})
            end = start + hub.breaks.pop(0) if hub.breaks else total
            self.wfile.write(hub.content[start:end])
            self.close_connection = True
            return None

        def _begin(self, status, headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_):
            pass

    return Handler


@contextmanager
def serving(content):
    """Serve a file; yields its `Hub`."""
    hub = Hub(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}/resolve/model.ckpt"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
