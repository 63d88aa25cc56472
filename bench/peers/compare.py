"""Runs rlkd and its peers in turns on the same work and prints ratios.

    python compare.py [WORK ...] [--rounds 5] [--threads 2] [--models DIR] [--smollm2 DIR] [--out FILE.json]

Needs the packages of requirements.txt in the Python that runs it, and rlkd built with its module bench (`./rlkd bench
--quick` builds it). A round lets each contender of a work do it once, in an order that turns from round to round; a
contender that cannot start is left out by name. Times are paired within a round: the table has the minimum and the median
of the ratio peer / rlkd, and each one's best and median rate and largest resident size.
"""

import argparse
import json
import pathlib
import platform
import subprocess
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def works(models, threads):
    """name -> (shape, {contender: command}); rlkd first."""
    python = lambda script, *arguments: [sys.executable, str(HERE / script), *map(str, arguments), str(threads)]
    rlkd = lambda *arguments: [str(ROOT / "rlkd"), "bench", "contend", *map(str, arguments), str(threads)]
    result = {}
    for model, generation, step in (("tiny", "8x8x64x128", "8x8x64x128"), ("smollm2", "4x4x64x64", "2x4x64x64")):
        directory = models / model
        result[f"generate-{model}"] = (
            generation,
            {
                "rlkd": rlkd("generate", directory, generation),
                "llama.cpp": python("generate_llama_cpp.py", models / f"{model}.gguf", generation),
                "transformers": python("generate_transformers.py", directory, generation),
            },
        )
        result[f"step-{model}"] = (
            step,
            {
                "rlkd": rlkd("step", directory, step),
                "rlkd, checkpointing": rlkd("step-checkpointing", directory, step),
                "TRL": python("step_trl.py", "step", directory, step),
                "TRL, checkpointing": python("step_trl.py", "step-checkpointing", directory, step),
            },
        )
    for name, shape in (("head-qwen", "1024x896x151936"), ("head-smollm2", "4096x576x49152")):
        result[name] = (
            shape,
            {
                "rlkd": rlkd("head", "streaming", shape),
                "three products": rlkd("head", "products", shape),
                "eager": python("head_torch.py", "eager", shape),
                "cut-cross-entropy": python("head_torch.py", "cce", shape),
                "Liger": python("head_torch.py", "liger", shape),
            },
        )
    return result


class Contender:
    """A process that speaks turns.py's protocol."""

    def __init__(self, name, command, log):
        self.name = name
        self.rounds = []
        self.peak_mb = None
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT
        )

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise ChildProcessError(f"{self.name} ended with status {self.process.wait()}")
        return json.loads(line)

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.rounds.append(self.answer())

    def finish(self):
        self.process.stdin.close()
        self.peak_mb = self.answer()["peak_mb"]
        self.process.wait()


def compare(name, shape, commands, rounds, logs):
    contenders, absent = [], {}
    for contender, command in commands.items():
        log = logs / f"{name}-{contender.replace(' ', '-')}.log"
        with log.open("w") as file:
            started = Contender(contender, command, file)
        try:
            started.answer()
            contenders.append(started)
        except (ChildProcessError, json.JSONDecodeError) as e:
            started.process.kill()
            absent[contender] = f"{e}; see {log}"
            print(f"{name}: {contender} left out: {absent[contender]}", file=sys.stderr)
    if not contenders or contenders[0].name != "rlkd":
        raise SystemExit(f"compare: rlkd did not start for {name}; expected a built bench module; see {logs}")
    for i in range(rounds):
        for contender in contenders[i % len(contenders) :] + contenders[: i % len(contenders)]:
            contender.go()
            print(f"{name} {i + 1}/{rounds} {contender.name}: {contender.rounds[-1]['seconds']:.2f} s", file=sys.stderr)
    for contender in contenders:
        contender.finish()
    ours = contenders[0]
    rows = []
    for contender in contenders:
        seconds = [r["seconds"] for r in contender.rounds]
        ratios = [theirs["seconds"] / own["seconds"] for theirs, own in zip(contender.rounds, ours.rounds)]
        tokens = contender.rounds[0].get("tokens")
        rows.append(
            {
                "contender": contender.name,
                "seconds": seconds,
                "tokens": tokens,
                "peak_mb": contender.peak_mb,
                "ratio_min": min(ratios),
                "ratio_median": statistics.median(ratios),
            }
        )
    return {"work": name, "shape": shape, "rounds": rounds, "contenders": rows, "left_out": absent}


def table(results):
    lines = [
        "| work | contender | best s | median s | tokens/s (best) | peak MB | times as long as rlkd: min | median |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for result in results:
        for row in result["contenders"]:
            best = min(row["seconds"])
            rate = f"{row['tokens'] / best:.0f}" if row["tokens"] else ""
            lines.append(
                f"| {result['work']} {result['shape']} | {row['contender']} | {best:.2f} | {statistics.median(row['seconds']):.2f} "
                f"| {rate} | {row['peak_mb']} | {row['ratio_min']:.2f} | {row['ratio_median']:.2f} |"
            )
    return "\n".join(lines)


def processor():
    with open("/proc/cpuinfo") as info:
        return next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), platform.machine())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", metavar="WORK")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "target" / "peers" / "models")
    parser.add_argument("--smollm2", type=pathlib.Path, help="SmolLM2-135M-Instruct; its works are left out without")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "target" / "peers" / "results.json")
    arguments = parser.parse_args()
    arguments.models = arguments.models.resolve()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    make = [sys.executable, str(HERE / "models.py"), str(arguments.models)]
    if arguments.smollm2:
        make += ["--smollm2", str(arguments.smollm2)]
    subprocess.run(make, check=True)
    known = works(arguments.models, arguments.threads)
    if not (arguments.models / "smollm2").exists():
        known = {name: work for name, work in known.items() if name not in ("generate-smollm2", "step-smollm2")}
    for name in arguments.works:
        if name not in known:
            parser.error(f"found work {name!r}; expected one of {', '.join(known)}")
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for package in ("torch", "transformers", "trl", "liger-kernel", "llama-cpp-python", "cut-cross-entropy"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    document = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": processor(),
        "threads": arguments.threads,
        "versions": versions,
        "commit": subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip(),
        "results": [],
    }
    for name in arguments.works or known:
        shape, commands = known[name]
        document["results"].append(compare(name, shape, commands, arguments.rounds, arguments.out.parent))
        arguments.out.write_text(json.dumps(document, indent=1) + "\n")
        arguments.out.with_suffix(".md").write_text(table(document["results"]) + "\n")
    print(table(document["results"]))


if __name__ == "__main__":
    main()
