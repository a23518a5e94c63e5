"""Questions asked side by side go to a host as one script; each keeps a command of its own."""

import asyncio
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from meshbench.results.records import Command
from meshbench.testbed import together
from meshbench.testbed.host import RUN, CommandError
from meshbench.testbed.together import Question
from tests.unit import making


class Shell:
    """This machine's shell in a host's place; remembers what it was started with."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.asked: list[Question] = []

    async def run(self, question: Question) -> Command:
        self.asked.append(question)
        script = question.stdin.replace(str(RUN).encode(), self.folder.encode())
        done = await asyncio.to_thread(
            subprocess.run, question.argv, input=script, capture_output=True, check=False
        )
        return making.command(
            done.stdout.decode(), done.returncode, error=done.stderr.decode(), argv=question.argv
        )

    async def ask(self, *argv: str, stdin: bytes = b"", limit_s: float = 30.0) -> Command:
        return await together.ask("lom", Question(argv, stdin, limit_s), self.run)


@pytest.fixture
def shell(tmp_path: Any) -> Shell:
    return Shell(str(tmp_path / "run"))


def ask(shell: Shell, *questions: Question) -> list[Command]:
    async def all_of_them() -> list[Command]:
        with together.together():
            answers = (together.ask("lom", question, shell.run) for question in questions)
            return list(await asyncio.gather(*answers))

    return asyncio.run(all_of_them())


AWKWARD = ["two words", "it's", "$(x)", "*", "line\nbreak", "back\\slash", "", "-n", "ünï", "%s"]


def test_each_question_has_its_own_output_and_status(shell: Shell, tmp_path: Any) -> None:
    script = b"cat; echo bad >&2; exit 3\n"
    commands = ask(
        shell,
        Question(["printf", r"<%s>\n", *AWKWARD]),
        Question(["sh", "-c", script.decode()], b"one\n\n'two' %s $x"),
        Question(["sh", "-s", "x y"], b'echo "$1"'),
        Question(["cat"]),
        Question(["no-such-program"]),
    )
    assert [question.argv for question in shell.asked] == [["sh", "-s"]]
    assert [command.returncode for command in commands] == [0, 3, 0, 0, 127]
    assert commands[0].stdout == "".join(f"<{word}>\n" for word in AWKWARD)
    assert commands[0].argv == ["printf", r"<%s>\n", *AWKWARD]
    assert (commands[1].stdout, commands[1].stderr) == ("one\n\n'two' %s $x", "bad\n")
    assert (commands[2].stdout, commands[3].stdout, commands[4].stdout) == ("x y\n", "", "")
    assert "no-such-program" in commands[4].stderr
    assert list((tmp_path / "run").iterdir()) == []


def test_one_question_is_asked_as_it_is(shell: Shell) -> None:
    [command] = ask(shell, Question(["echo", "a"]))
    assert (command.stdout, shell.asked) == ("a\n", [Question(["echo", "a"])])


def test_a_question_over_its_limit_says_so_and_the_others_are_answered(shell: Shell) -> None:
    slow, quick = ask(shell, Question(["sleep", "60"], limit_s=0.2), Question(["echo", "x"]))
    assert (slow.returncode, quick.returncode, quick.stdout) == (None, 0, "x\n")
    assert shell.asked[0].limit_s == 30 + together.MARGIN_S


def test_a_program_that_ends_like_a_limit_in_time_is_not_one(shell: Shell) -> None:
    ended, _ = ask(shell, Question(["sh", "-c", "exit 124"]), Question(["true"]))
    assert ended.returncode == 124


def test_what_follows_on_an_answer_goes_together_too(shell: Shell) -> None:
    async def twice(word: str) -> str:
        first = await shell.ask("echo", word)
        return (await shell.ask("echo", first.stdout.strip() * 2)).stdout

    async def nested() -> list[str]:
        return list(await asyncio.gather(twice("a"), twice("b")))

    async def all_of_them() -> Any:
        with together.together():
            return await asyncio.gather(twice("c"), nested())

    assert asyncio.run(all_of_them()) == ["cc\n", ["aa\n", "bb\n"]]
    assert len(shell.asked) == 2


def test_outside_of_a_block_and_after_it_each_question_goes_by_itself(shell: Shell) -> None:
    async def apart() -> None:
        with together.together():
            pass
        await asyncio.gather(shell.ask("true"), shell.ask("true"))

    asyncio.run(apart())
    assert [question.argv for question in shell.asked] == [("true",)] * 2


def test_an_input_that_cannot_stand_in_a_script_goes_by_itself(shell: Shell) -> None:
    commands = ask(shell, Question(["wc", "-c"], b"\0\xff"), Question(["echo"]), Question(["echo"]))
    assert commands[0].stdout.strip() == "2"
    assert sorted(len(question.argv) for question in shell.asked) == [2, 2]


def test_each_host_is_asked_its_own(shell: Shell) -> None:
    async def both() -> list[Command]:
        with together.together():
            return await asyncio.gather(*(
                together.ask(host, Question(["echo", host]), shell.run)
                for host in ("lom", "yuki", "lom")
            ))  # fmt: skip

    assert [command.stdout for command in asyncio.run(both())] == ["lom\n", "yuki\n", "lom\n"]
    assert len(shell.asked) == 2


def test_trouble_with_the_host_reaches_everybody_who_asked(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(question: Question) -> Command:
        raise OSError(f"no SSH for {question.argv[0]}")

    monkeypatch.setattr(shell, "run", broken)

    async def all_of_them() -> Sequence[Any]:
        with together.together():
            both = shell.ask("a"), shell.ask("b")
            return await asyncio.gather(*both, return_exceptions=True)

    assert [str(error) for error in asyncio.run(all_of_them())] == ["no SSH for sh"] * 2


def test_a_script_that_cannot_be_run_is_an_error_of_the_host(tmp_path: Any) -> None:
    (tmp_path / "run").write_text("a file where the folder should be")
    with pytest.raises(CommandError, match="lom: sh -s ended with"):
        ask(Shell(str(tmp_path / "run")), Question(["true"]), Question(["true"]))


def test_a_script_over_its_limit_leaves_its_questions_at_theirs() -> None:
    whole = making.command("", None, argv=("sh", "-s"))
    commands = together.answers([Question(["a"]), Question(["b"])], whole, "mark")
    assert [(command.argv, command.returncode) for command in commands] == [
        (["a"], None),
        (["b"], None),
    ]


def test_times_are_the_host_s_from_when_the_script_began() -> None:
    printed = "\nMa 0001 0 7.10 9.35\nx\nMc\ny\nMa 0000 1 7.00 7.02\n\nMc\n"
    whole = making.command(printed, argv=("sh", "-s"), start_s=5)
    first, second = together.answers([Question(["a"]), Question(["b"])], whole, "M")
    assert (first.duration_s, second.duration_s) == (0.02, 2.25)
    assert (second.started - first.started).total_seconds() == pytest.approx(0.1)
    assert first.started == whole.started
    assert (second.stdout, second.stderr) == ("x", "y")
