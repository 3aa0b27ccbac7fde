"""Each failure has a sentence of its own; the words are those that uv 0.13.9 and Python print."""

import pytest
from levelform.addon.backend_setup.failures import diagnose

UV = "Using Python 3.11.2 environment at: env\nerror: "
FETCH = "Failed to fetch: https://pypi.org/simple/six/\n  cause: error sending request for url " \
    "(https://pypi.org/simple/six/)\n  cause: client error (Connect)\n  cause: "  # fmt: skip
NONE = "No solution found when resolving dependencies\n  cause: Because "
URLLIB = "error: https://pypi.org/simple: <urlopen error "
PRINTED = {
    "unknown host": ("host", "pypi.org is unknown", UV + FETCH + "dns error\n  cause: failed to "
                     "lookup address information: Name or service not known"),
    "no network": ("network", "no connection to the network", UV + FETCH + "dns error\n  cause: "
                   "failed to lookup address information: Temporary failure in name resolution"),
    "unreachable": ("network", "no connection to the network", UV + FETCH + "tcp connect error\n"
                    "  cause: Network is unreachable (os error 101)"),
    "certificate": ("certificate", "certificate of pypi.org is not trusted", UV + FETCH
                    + "invalid peer certificate: UnknownIssuer"),
    "refused": ("network", "pypi.org can't be reached", UV + FETCH + "tcp connect error\n  cause: "
                "Connection refused (os error 111)"),
    "proxy": ("proxy", "proxy can't be reached", UV + FETCH + "tunnel error: failed to create "
              "underlying connection\n  cause: Connection refused (os error 111)"),
    "proxy's password": ("proxy", "name and a password", UV + FETCH + "tunnel error: proxy "
                         "authorization required"),
    "hash": ("hash", "differs from the one in Levelform's lock", UV + "Failed to download "
             "`six==1.17.0`\n  cause: Hash mismatch for `six==1.17.0`\n\n  Expected:\n  sha256:a"),
    "disk": ("disk", "disk is full", UV + "Failed to download `numpy==2.4.6`\n  cause: I/O "
             "operation failed during extraction\n  cause: failed to write to file `x.so`: No "
             "space left on device (os error 28)"),
    "forbidden": ("refused", "127.0.0.1 refuses access", UV + NONE
                  + "attrs was not found in the package registry and you require attrs, we can "
                  "conclude that your requirements are unsatisfiable.\n\n"
                  "hint: An index (http://127.0.0.1:8403/simple) returned a 403 Forbidden error."),
    "wheel": ("missing", "torch was not found in the provided package locations", UV + NONE
              + "torch was not found in the "
              "provided package locations and you require torch==2.13.0, we can conclude that"),
    "python": ("missing", "no suitable Python", UV + "No interpreter found for Python 3.13 in "
               "managed installations\n\nhint: but uv is set to offline mode"),
    "urllib, host": ("host", "pypi.org is unknown", URLLIB +
                     "[Errno -2] Name or service not known>"),
    "urllib, certificate": ("certificate", "not trusted", URLLIB +
                            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed>"),
    "urllib, missing": ("network", "mirror can't be reached", "error: http://mirror/simple: HTTP "
                        "Error 404: http://mirror/simple/uv/ does not have uv-1.whl"),
}  # fmt: skip


@pytest.mark.parametrize("case", PRINTED)
def test_each_cause_has_its_sentence(case):
    kind, words, printed = PRINTED[case]
    found = diagnose(printed)
    assert found is not None
    assert found.kind == kind
    assert words in found.words
    assert found.hint.endswith(".")
    assert "{" not in found.words


def test_an_unknown_cause_is_not_guessed():
    assert diagnose("error: the moon is in the wrong quarter") is None
