"""The terminal: one line of error, one object of JSON, the right exit status."""

import json
import subprocess
import sys

import pytest
from levelform.backend import cli, commands
from levelform.backend.contract.errors import RequestError, WorkError


class Stand:
    """A command that does what a test wants."""

    HELP = "stand in"

    def __init__(self, work):
        self.work = work

    def add_arguments(self, parser):
        parser.add_argument("--number", type=int, default=1)

    def run(self, args):
        return self.work(args)

    def show(self, result):
        print(f"shown {result['number']}")


@pytest.fixture
def stand(monkeypatch):
    """Put a command in place of all; return the function that says what it does."""

    def put(work):
        monkeypatch.setattr(commands, "find", lambda name: Stand(work))

    return put


def fail_with(error):
    def work(args):
        raise error

    return work


def test_a_result_is_shown_to_a_person(stand, capsys):
    stand(lambda args: {"number": args.number})
    assert cli.main(["x", "--number", "3"]) == 0
    assert capsys.readouterr() == ("shown 3\n", "")


@pytest.mark.parametrize("words", [["--json", "x"], ["x", "--json"]])
def test_json_is_one_object_and_nothing_else(stand, capsys, words):
    def work(args):
        print("a library's chatter")
        return {"number": args.number}

    stand(work)
    assert cli.main(words) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"number": 1}
    assert out.count("\n") == 1
    assert "chatter" in err


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (RequestError("Wrong\nwish.", "Wish again."), 2, "levelform: Wrong wish. Wish again.\n"),
        (WorkError("It broke.", "Mend it."), 1, "levelform: It broke. Mend it.\n"),
        (KeyboardInterrupt(), 130, "levelform: Stopped.\n"),
        (MemoryError(), 1, "levelform: There is not enough memory for this. "),
        (ZeroDivisionError("by 0"), 1, "levelform: Internal error of Levelform: ZeroDivisionError"),
    ],
)
def test_failures_are_one_line_and_a_status(stand, capsys, error, status, line):
    stand(fail_with(error))
    assert cli.main(["x"]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == 1
    assert cli.main(["x", "--json"]) == status
    out, err = capsys.readouterr()
    assert json.loads(out)["status"] == status
    assert err.count("\n") == 1


def test_a_traceback_appears_only_with_debug(stand, capsys):
    stand(fail_with(RequestError("Wrong.")))
    cli.main(["x", "--debug"])
    assert "Traceback" in capsys.readouterr().err
    cli.main(["x"])
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "No command is given."),
        (["fly"], "'fly' is not a command."),
        (["methods", "--fast"], "Unrecognized arguments: --fast."),
        (["reconstruct", "a.png"], "The output file is missing."),
        (["reconstruct", "a", "-o", "b.ply", "--seed", "x"], "Argument --seed: invalid int value"),
    ],
)
def test_wrong_words_are_one_line_and_status_2(capsys, words, sentence):
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"levelform: {sentence}")
    assert err.count("\n") == 1


def test_help_lists_every_command(capsys):
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in commands.names():
        assert f"  {name} " in text
    assert {"reconstruct", "methods", "bench"} <= commands.names().keys()


@pytest.mark.parametrize("name", sorted(commands.names()))
def test_every_command_is_whole(name, capsys):
    command = commands.find(name)
    assert command.HELP
    assert "\n" not in command.HELP
    assert callable(command.run)
    assert callable(command.show)
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    assert end.value.code == 0
    assert f"levelform {name}" in capsys.readouterr().out


def test_a_trailing_underscore_is_dropped():
    assert commands.names().get("import") == "import_"


def test_progress_is_silent_into_a_pipe(capsys):
    with commands.progress() as ticket:
        ticket.plan({"Work": 1.0})
        with ticket.stage("Work"):
            ticket.advance(0.5)
    assert capsys.readouterr() == ("", "")


def test_the_module_runs_as_a_program():
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "levelform.backend",
            "reconstruct",
            "nowhere.png",
            "-o",
            "x.abc",
            "--json",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert json.loads(run.stdout)["error"].startswith("x.abc: .abc is not a supported mesh format")
    assert run.stderr.count("\n") == 1
