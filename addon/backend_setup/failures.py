"""Why an installation failed, from what its commands printed. Does not use `bpy`."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Diagnosis:
    """The cause of a failure.

    Attributes
    ----------
    kind : "network", "host", "certificate", "proxy", "hash", "disk", "refused" or "missing"
    words : the cause, to follow a colon
    hint : what to do
    """

    kind: str
    words: str
    hint: str


_WHEELS = "or install from a folder of wheels"
# The first match counts. The patterns are uv's, Python's and the systems' words.
_CAUSES = (
    (
        "hash",
        r"Hash mismatch|differs from the published file",
        "a file differs from the one in Levelform's lock, so it was not installed",
        "Try again; if it persists, something between this computer and the index changes files.",
    ),
    (
        "disk",
        r"No space left on device|os error 28\b|not enough space on the disk|os error 112\b",
        "the disk is full",
        "Free some space, then try again; what was downloaded is kept.",
    ),
    (
        "proxy",
        r"proxy authorization required|\b407\b",
        "the proxy asks for a name and a password",
        f"Put them into HTTPS_PROXY (http://name:password@host:port), {_WHEELS}.",
    ),
    (
        "proxy",
        r"tunnel error|Tunnel connection failed|proxy connect",
        "the proxy can't be reached, or refuses the connection",
        f"Correct HTTPS_PROXY or the system's proxy settings, {_WHEELS}.",
    ),
    (
        "certificate",
        r"invalid peer certificate|UnknownIssuer|CERTIFICATE_VERIFY_FAILED|certificate verify",
        "the certificate{of} is not trusted, as behind a proxy that inspects connections",
        "Press Use System Certificates if this computer trusts that proxy, or name its "
        f"certificate in SSL_CERT_FILE, {_WHEELS}.",
    ),
    (
        "network",
        r"Network is unreachable|No route to host|Temporary failure in name resolution"
        r"|os error (101|113|10051|10065)\b|network location cannot be reached",
        "this computer has no connection to the network",
        f"Connect it, {_WHEELS}; then try again.",
    ),
    (
        "host",
        r"Name or service not known|nodename nor servname|No such host is known|dns error"
        r"|getaddrinfo failed",
        "the host {host} is unknown",
        f"Check the connection and the address of the package index (UV_DEFAULT_INDEX), {_WHEELS}.",
    ),
    (
        "refused",
        r"40[13] (Forbidden|Unauthorized)|HTTP Error 40[13]",
        "the package index{of} refuses access",
        f"Ask its administrator or that of the network, {_WHEELS}.",
    ),
    (
        "missing",
        r"No interpreter found|No download found|set to offline mode",
        "no suitable Python is there, and none may be downloaded",
        "Install Python 3.11 to 3.14, or choose one in the preferences.",
    ),
    (
        "missing",
        r"not found in the provided package locations|no wheels with a matching|no version of"
        r"|not found in the package registry|Because only",
        "{because}",
        "Add the missing wheels to the folder, or install from the network.",
    ),
    (
        "network",
        r"error sending request|Connection refused|timed out|Connection reset|urlopen error"
        r"|Failed to fetch|client error|HTTP Error",
        "{host} can't be reached",
        f"Check the network, {_WHEELS}; then try again.",
    ),
)


def diagnose(log: str) -> Diagnosis | None:
    """Return the cause of a failure; None if it is unknown.

    Parameters
    ----------
    log
        The last lines printed by the failed command.
    """
    flat = " ".join(log.split())
    for kind, pattern, words, hint in _CAUSES:
        if re.search(pattern, flat, re.IGNORECASE):
            return Diagnosis(kind, words.format(**_facts(flat)), hint)
    return None


def _facts(log: str) -> dict[str, str]:
    """Return the host of the last address, and the reason for a missing package."""
    host = next((urlsplit(url).hostname for url in reversed(re.findall(r"https?://\S+", log))), "")
    because = re.search(r"[Bb]ecause (.*?)(?:, we can conclude| and you require|$)", log)
    return {
        "host": host or "the package index",
        "of": f" of {host}" if host else "",
        "because": because[1] if because else "a wheel is missing",
    }
