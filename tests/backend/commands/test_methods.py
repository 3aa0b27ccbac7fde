"""`levelform methods`: what can be run here."""

import json

from levelform.backend import cli


def test_methods_are_listed(capsys):
    assert cli.main(["methods", "--json"]) == 0
    listed = {m["name"]: m for m in json.loads(capsys.readouterr().out)["methods"]}
    assert listed["visual-hull"]["needs_camera"] is True
    assert cli.main(["methods"]) == 0
    out = capsys.readouterr().out
    for name, method in listed.items():
        assert f"{name}  {method['title']}" in out
        if method["needs_weights"] and not method["weights"]:
            assert "weights: none found" in out
