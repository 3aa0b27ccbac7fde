"""Download one file of a package index; any Python runs this as a script, Blender's too.

fetch.py INDEX PROJECT FILE TARGET

Prints JSON lines, `received` and `bytes`, and an error's words before it ends with status 1. The
file is complete or missing; the caller checks its hash. Continues the partial file of an earlier
call. Uses only the standard library.
"""

import contextlib
import html.parser
import json
import os
import ssl
import sys
import time
import urllib.parse
import urllib.request

BLOCK = 1 << 18
TELL_EVERY = 0.2  # seconds
PATIENCE = 30.0  # seconds without an answer
JSON = "application/vnd.pypi.simple.v1+json"


class _Links(html.parser.HTMLParser):
    """The addresses of a page."""

    def __init__(self):
        super().__init__()
        self.links = []

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if tag == "a" and name == "href"]


def context():
    """Return a TLS context that trusts the system's certificates, and those of `certifi`."""
    made = ssl.create_default_context()
    with contextlib.suppress(ImportError, OSError):
        import certifi

        made.load_verify_locations(certifi.where())
    return made


def opened(address, headers):
    """Open an address."""
    request = urllib.request.Request(address, headers=headers)
    tls = context() if address.startswith("https") else None
    return urllib.request.urlopen(request, timeout=PATIENCE, context=tls)


def address_of(index, project, file):
    """Return the address of a file by the index's page of its project.

    Raises
    ------
    OSError
        If the index does not have it.
    """
    page = f"{index.rstrip('/')}/{project}/"
    with opened(page, {"Accept": f"{JSON}, text/html;q=0.5"}) as answer:
        text = answer.read().decode()
        base = answer.geturl()
        if JSON in answer.headers.get("Content-Type", ""):
            links = [entry["url"] for entry in json.loads(text)["files"]]
        else:
            reader = _Links()
            reader.feed(text)
            links = reader.links
    for link in links:
        address = urllib.parse.urljoin(base, link)
        path = urllib.parse.unquote(urllib.parse.urlsplit(address).path)
        if path.rpartition("/")[2] == file:
            return urllib.parse.urldefrag(address).url
    raise OSError(f"HTTP Error 404: {page} does not have {file}")


def fetch(address, target):
    """Download an address to a file, continuing a partial one."""
    part = f"{target}.part"
    there = os.path.getsize(part) if os.path.exists(part) else 0
    with opened(address, {"Range": f"bytes={there}-"} if there else {}) as answer:
        there = there if answer.status == 206 else 0  # else it sends the whole file
        count = there + int(answer.headers.get("Content-Length", 0))
        received, told = there, 0.0
        with open(part, "ab" if there else "wb") as file:
            while block := answer.read(BLOCK):
                file.write(block)
                received += len(block)
                if time.monotonic() - told > TELL_EVERY:
                    told = time.monotonic()
                    say(json.dumps({"received": received, "bytes": count}))
    if count and received != count:
        raise OSError(f"Connection reset: {received} of {count} bytes of {address}")
    os.replace(part, target)


def say(words):
    """Print a line at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main():
    """Do what the arguments say; return the exit status."""
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    index, project, file, target = words
    try:
        fetch(address_of(index, project, file), target)
    except (OSError, ValueError) as error:
        say(f"error: {index}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
