"""Runs rlkd and its peers in turns on the same work and prints ratios.

    python compare.py [WORK ...] [--rounds 5] [--threads 2] [--models DIR] [--smollm2 DIR] [--maths FILE]
                      [--out FILE.json]

Needs the packages of requirements.txt in the Python that runs it, and rlkd built with its module bench (`./rlkd bench
--quick` builds it). A round lets each contender of a work do it once, in an order that turns from round to round; a
contender that cannot start, or whose results are not rlkd's, is left out by name. Times are paired within a round: the table has the minimum and the median
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


CPU_RESOLUTION = 0.1  # seconds; the JVM counts in hundredths
LARGEST, MEAN = "largest", "mean"  # difference of a result from rlkd's

# Work or contender -> how far results may be from rlkd's.
AGREEMENT = {
    "judge-distinct": (LARGEST, 1e-5),
    "judge-groups": (LARGEST, 1e-5),
    "rlkd int8": (MEAN, 0.02),
    "onnxruntime int8": (MEAN, 0.02),
    "maths": (MEAN, 0.08),  # verdicts are 0 or 1: docs/math-verifier.md tells where they differ
    "structure-prefix": (LARGEST, 1e-5),
    "structure-monotone": (LARGEST, 1e-5),
}


def works(models, maths, threads):
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
    minilm = models / "minilm"
    for name in ("distinct", "groups"):
        pairs = minilm / f"{name}.json"
        result[f"judge-{name}"] = (
            f"{len(json.loads(pairs.read_text()))} pairs",
            {
                "rlkd": rlkd("judge", "float32", pairs),
                "rlkd int8": rlkd("judge", "int8", pairs),
                "sentence-transformers": python("judge_sentence_transformers.py", minilm / "sentence-transformers", pairs),
                "onnxruntime": python("judge_onnxruntime.py", minilm / "float32.onnx", pairs),
                "onnxruntime int8": python("judge_onnxruntime.py", minilm / "int8.onnx", pairs),
            },
        )
    if maths:
        result["maths"] = (
            f"{len(maths.read_text().splitlines())} rows",
            {"rlkd": rlkd("maths", "verifier", maths), "math-verify": python("maths_math_verify.py", maths)},
        )
    for alignment in ("prefix", "monotone"):
        shape = "4096x12x12"
        result[f"structure-{alignment}"] = (
            shape,
            {
                "rlkd": rlkd(alignment, "kernel", shape),
                "Java arrays": rlkd(alignment, "arrays", shape),
                "Java objects": rlkd(alignment, "objects", shape),
                "Python": python("structure_python.py", alignment, shape),
            },
        )
    return result


class Contender:
    """A process that speaks turns.py's protocol."""

    def __init__(self, name, command, log):
        self.name = name
        self.rounds = []
        self.peak_mb = None
        self.results = []
        self.difference = None
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT
        )

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise ChildProcessError(f"{self.name} ended with status {self.process.wait()}")
        return json.loads(line)

    def start(self):
        self.results = self.answer()["results"]

    def compare_results(self, work, ours):
        """Raises if the results are too far from ours."""
        if work not in AGREEMENT or self is ours:
            return
        if len(self.results) != len(ours.results):
            raise ValueError(f"found {len(self.results)} results; expected {len(ours.results)}")
        kind, bound = AGREEMENT.get(self.name, AGREEMENT[work])
        differences = [abs(own - other) for own, other in zip(ours.results, self.results)]
        self.difference = {LARGEST: max(differences), MEAN: statistics.fmean(differences)}
        if not self.difference[kind] <= bound:
            raise ValueError(f"its results differ: {kind} difference {self.difference[kind]:.3g}, bound {bound}")

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
            started.start()
            started.compare_results(name, contenders[0] if contenders else started)
            contenders.append(started)
        except (ChildProcessError, ValueError) as e:
            started.process.kill()
            absent[contender] = f"{e}; see {log}"
            print(f"{name}: {contender} left out: {absent[contender]}", file=sys.stderr)
    if not contenders or contenders[0].name != "rlkd":
        raise SystemExit(f"compare: rlkd did not start for {name}; expected a built bench module; see {logs}")
    for i in range(rounds):
        for contender in contenders[i % len(contenders) :] + contenders[: i % len(contenders)]:
            contender.go()
            print(f"{name} {i + 1}/{rounds} {contender.name}: {contender.rounds[-1]['seconds']:.3g} s", file=sys.stderr)
    for contender in contenders:
        contender.finish()
    ours = contenders[0]
    rows = []
    for contender in contenders:
        seconds = [r["seconds"] for r in contender.rounds]
        ratios = [theirs["seconds"] / own["seconds"] for theirs, own in zip(contender.rounds, ours.rounds)]
        cpu_ratios = [
            theirs["cpu_seconds"] / own["cpu_seconds"]
            for theirs, own in zip(contender.rounds, ours.rounds)
            if own["cpu_seconds"] >= CPU_RESOLUTION
        ]
        rows.append(
            {
                "contender": contender.name,
                "seconds": seconds,
                "cpu_seconds": [r["cpu_seconds"] for r in contender.rounds],
                "items": contender.rounds[0].get("items"),
                "difference": contender.difference,
                "peak_mb": contender.peak_mb,
                "ratio_min": min(ratios),
                "ratio_median": statistics.median(ratios),
                "cpu_ratio_min": min(cpu_ratios, default=None),
                "cpu_ratio_median": statistics.median(cpu_ratios) if cpu_ratios else None,
            }
        )
    return {"work": name, "shape": shape, "rounds": rounds, "contenders": rows, "left_out": absent}


def table(results):
    lines = [
        "| work | contender | best s | median s | a second (best) | peak MB | times as long as rlkd: min | median | CPU s (best) | times rlkd's CPU time: min | median |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for result in results:
        for row in result["contenders"]:
            best = min(row["seconds"])
            rate = f"{row['items'] / best:.0f}" if row["items"] else ""
            lines.append(
                f"| {result['work']} {result['shape']} | {row['contender']} | {best:.3g} | {statistics.median(row['seconds']):.3g} "
                f"| {rate} | {row['peak_mb']} | {row['ratio_min']:.3g} | {row['ratio_median']:.3g} "
                + (
                    f"| {min(row['cpu_seconds']):.3g} | {row['cpu_ratio_min']:.3g} | {row['cpu_ratio_median']:.3g} |"
                    if row["cpu_ratio_min"]
                    else "| | | |"
                )
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
    parser.add_argument("--maths", type=pathlib.Path, help="rows of gold and answer_text for maths; left out without")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "target" / "peers" / "results.json")
    arguments = parser.parse_args()
    arguments.models = arguments.models.resolve()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    make = [sys.executable, str(HERE / "models.py"), str(arguments.models)]
    if arguments.smollm2:
        make += ["--smollm2", str(arguments.smollm2)]
    subprocess.run(make, check=True)
    subprocess.run([sys.executable, str(HERE / "minilm.py"), str(arguments.models / "minilm")], check=True)
    known = works(arguments.models, arguments.maths and arguments.maths.resolve(), arguments.threads)
    if not (arguments.models / "smollm2").exists():
        known = {name: work for name, work in known.items() if name not in ("generate-smollm2", "step-smollm2")}
    for name in arguments.works:
        if name not in known:
            parser.error(f"found work {name!r}; expected one of {', '.join(known)}")
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for package in ("torch", "transformers", "trl", "liger-kernel", "llama-cpp-python", "cut-cross-entropy",
                    "sentence-transformers", "onnxruntime", "math-verify"):
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
