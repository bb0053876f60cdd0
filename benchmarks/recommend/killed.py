"""Kills `dataselect recommend` at random moments; the same command again must give the undisturbed recommendation.

One undisturbed run says when each phase begins and ends. Then for each moment, in a folder of its own: a phase, a line
of its progress and a delay after that line are drawn (with a seed), the command is started, gets `kill -9` there, and
is started again. Compared with the undisturbed run are the bytes of `recommended.jsonl`, and the whole of
`recommendation.json` but for what a clock or the folder's name says: decision, figures, search, looks, plan. Trainings
that were finished when it was killed must not be made again.

The budget is given in training tokens, and a candidate reads scores. Each command is a fork of a process that has
imported everything, in a process group and with a score cache of its own. Left out: `--time`, whose plan depends on the
speed that is measured.

    python benchmarks/recommend/killed.py --work /tmp/killed --out benchmarks/results/recommend_killed.json
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from three_pools import write_pools

PHASES = (("audit", ""), ("tables", "plan: "), ("search", "evaluate the untrained"), ("final", "search ended"))
"""Name, and how its first line begins. The answer is written after the final's last line."""
MOMENTS = ("audit", "audit", "tables", "tables", "search", "search", "search", "final", "final", "answer")
POOLS, ROWS, ITEMS, TRAIN_TOKENS = ("helpful", "noise"), 100, 40, 14_000
CLOCK = ("minutes", "sentence", "file")
SPEED = ("train_tokens_per_second", "seconds_besides_tokens", "planned_seconds")
"""Of the plan: what was measured."""


@dataclass(frozen=True)
class Line:
    """A line of progress and when it came, in seconds after the start."""

    text: str
    at: float


@dataclass(frozen=True)
class Kill:
    """One kill and what came of it.

    Attributes:
        line, delay: It was killed so many seconds after this line.
        trainings: Finished when it was killed.
        repeated: Of these, made again.
        rows, document: Whether both are those of the undisturbed run.
        differs: Names in the document that are not.
    """

    phase: str
    line: str
    delay: float
    trainings: int
    repeated: int
    rows: bool
    document: bool
    differs: list[str]
    resumed_seconds: float


class Command:
    """`dataselect recommend` in a fork of this process."""

    def __init__(self, arguments: list[str], out: Path) -> None:
        self._told = out.with_suffix(".stderr")
        self._told.write_text("")
        self.began = time.perf_counter()
        self.pid = os.fork()
        if self.pid == 0:
            self._run([*arguments, "--out", str(out)], out)

    def _run(self, arguments: list[str], out: Path) -> None:
        code = 70
        try:
            os.setsid()
            os.environ["DATASELECT_CACHE"] = str(out.with_suffix(".cache"))
            for number, path in ((1, out.with_suffix(".stdout")), (2, self._told)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
            sys.argv = ["dataselect", *arguments]
            from dataselect.cli import main as dataselect

            dataselect()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            sys.stderr.flush()
            os._exit(code)

    def lines(self) -> list[str]:
        """What it has said."""
        return self._told.read_text().splitlines()

    def watch(self) -> list[Line]:
        """Wait for its end, and note when each line came."""
        seen: list[Line] = []
        while True:
            ended = os.waitpid(self.pid, os.WNOHANG)
            now = time.perf_counter() - self.began
            seen += [Line(text, now) for text in self.lines()[len(seen) :]]
            if ended[0]:
                assert ended[1] == 0, self._told.read_text()[-2000:]
                return [*seen, Line("end", now)]
            time.sleep(0.01)

    def kill(self, line: int, delay: float) -> bool:
        """Kill it so long after its n-th line; False if it had ended."""
        while len(self.lines()) <= line:
            assert os.waitpid(self.pid, os.WNOHANG)[0] == 0, self._told.read_text()[-2000:]
            time.sleep(0.002)
        time.sleep(delay)
        os.killpg(self.pid, signal.SIGKILL)
        return os.WIFSIGNALED(os.waitpid(self.pid, 0)[1])


def answer(out: Path) -> tuple[bytes, dict[str, Any]]:
    """The rows, and the document without what a clock or a folder says."""
    document = json.loads((out / "recommendation.json").read_text())
    document["plan"] = {name: value for name, value in document["plan"].items() if name not in SPEED}
    return (out / "recommended.jsonl").read_bytes(), {name: document[name] for name in document if name not in CLOCK}


def trained(out: Path) -> dict[Path, int]:
    """Finished trainings and when they were."""
    found = [*out.glob("search/*/manifest.json"), *out.glob("final/*/manifest.json")]
    return {path: path.stat().st_mtime_ns for path in found}


def phase_of(lines: list[Line]) -> list[str]:
    """The phase that begins or goes on with each line; that of the last one before the end is the answer."""
    found, at = [], 0
    for line in lines:
        at += at + 1 < len(PHASES) and line.text.startswith(PHASES[at + 1][1])
        found.append(PHASES[at][0])
    return [*found[:-2], "answer", "end"]


def draw(lines: list[Line], phase: str, rng: random.Random) -> tuple[int, float]:
    """A line and a delay, every moment of the phase with the same chance."""
    spans = [(line, lines[line + 1].at - lines[line].at) for line, of in enumerate(phase_of(lines)) if of == phase]
    line, length = rng.choices(spans, weights=[length for _, length in spans])[0]
    return line, rng.uniform(0, length)


def write_files(folder: Path) -> list[str]:
    """Two pools with faults, and a task; the command without its folder."""
    made = write_pools(folder / "made", 0)
    files = []
    for path, rows in [*((made.pools[name], ROWS) for name in POOLS), (made.task, ITEMS)]:
        files.append(folder / path.name)
        files[-1].write_text("".join(path.read_text().splitlines(keepends=True)[:rows]))
    *pools, task = map(str, files)
    recipe = folder / "recipe.yaml"
    recipe.write_text("batch_size: 4\nlearning_rate: 0.002\n")
    return ["recommend", *pools, "--model", "builtin", "--task", task, "--train-tokens", str(TRAIN_TOKENS),
            "--strategies", "random,ppl-mid", "--config", str(recipe)]  # fmt: skip


def killed_at(
    arguments: list[str],
    out: Path,
    lines: list[Line],
    moment: tuple[str, int, float],
    whole: tuple[bytes, dict[str, Any]],
) -> Kill:
    """Kill it there, start it again, and compare with the undisturbed answer."""
    phase, line, delay = moment
    while not Command(arguments, out).kill(line, delay):
        shutil.rmtree(out)
        shutil.rmtree(out.with_suffix(".cache"), ignore_errors=True)
        delay /= 2  # it had ended: it was faster than the undisturbed run
    before = trained(out)
    again = Command(arguments, out).watch()
    after, (rows, document) = trained(out), answer(out)
    differs = [name for name in whole[1] if whole[1][name] != document.get(name)]
    repeated = sum(after.get(path) != at for path, at in before.items())
    return Kill(phase, lines[line].text, round(delay, 3), len(before), repeated, rows == whole[0], not differs, differs,
                round(again[-1].at, 1))  # fmt: skip


def main() -> None:
    """Kill, compare and print; exit 1 if anything differs."""
    parser = argparse.ArgumentParser(description="Recommendations that were killed against an undisturbed one.")
    parser.add_argument("--work", type=Path, required=True, help="An empty folder, or none yet.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "DATASELECT_PROGRESS_SECONDS": "0"}
    import dataselect.cli.recommend
    import dataselect.recommendation.run  # noqa: F401 - forks have it
    from dataselect.training.loop import load_libraries

    load_libraries()
    arguments, rng = write_files(options.work), random.Random(options.seed)
    lines = Command(arguments, options.work / "whole").watch()
    whole, kills = answer(options.work / "whole"), []
    for number, phase in enumerate(MOMENTS):
        moment = (phase, *draw(lines, phase, rng))
        kills.append(killed_at(arguments, options.work / f"killed-{number}", lines, moment, whole))
        print(f"| {' | '.join(str(value) for value in asdict(kills[-1]).values())} |", flush=True)
    document = {
        "train_tokens": TRAIN_TOKENS, "seed": options.seed, "undisturbed_seconds": round(lines[-1].at, 1),
        **{name: whole[1][name] for name in ("decision", "candidate", "rows", "tokens", "trainings")},
        "kills": len(kills), "same": sum(one.rows and one.document for one in kills),
        "repeated": sum(one.repeated for one in kills), "moments": [asdict(one) for one in kills],
    }  # fmt: skip
    if options.out:
        options.out.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps({name: document[name] for name in document if name != "moments"}))
    sys.exit(document["same"] != len(kills) or document["repeated"] > 0)


if __name__ == "__main__":
    main()
