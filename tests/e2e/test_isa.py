"""The golden files on every instruction set there are kernels for:
ONEDNN_MAX_CPU_ISA hides what the processor has beyond it. A set that
this machine lacks changes nothing here and is tested where it is there."""
import json
import math
import os
import pathlib

import pytest

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
SETS = ["SSE41", "AVX2", "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16", None]
FOLDERS = ["router", "router-v5", "router-variants", "backbone-bin", "reward", "pair-reward", "bert"]
KEYS = ("logits", "logit", "cls")
# What rounding may change in a probability of these random weights, the worst row of all (trained routers:
# bench/decisions).
MOST_APART = {"bf16": 0.02, "int8": 0.04}
CLEAR = {"bf16": 0.02, "int8": 0.04}


def rows(folder):
    return [json.loads(line) for line in (GOLDEN / folder / "expected.jsonl").read_bytes().splitlines()]


def numbers(row):
    value = next(row[k] for k in KEYS if k in row)
    return value if isinstance(value, list) else [value]


def softmax(logits):
    parts = [math.exp(x - max(logits)) for x in logits]
    return [x / sum(parts) for x in parts]


@pytest.fixture
def computed(run):
    """computed(folder, rows, precision, set) -> the numbers of each row."""
    def call(folder, given, precision, isa):
        env = {k: v for k, v in os.environ.items() if k != "ONEDNN_MAX_CPU_ISA"}
        p = run("model", "run", GOLDEN / folder, "--precision", precision, "--threads", 2,
                input="".join(json.dumps(r) + "\n" for r in given),
                env={**env, "ONEDNN_MAX_CPU_ISA": isa} if isa else env)
        assert p.returncode == 0, p.stderr
        return [numbers(json.loads(line)) for line in p.stdout.splitlines()]
    return call


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_float32_agrees_with_the_reference(computed, folder, isa):
    expected = rows(folder)
    for got, row in zip(computed(folder, expected, "f32", isa), expected, strict=True):
        assert all(abs(a - b) <= 1e-4 * max(1, abs(b)) for a, b in zip(got, numbers(row), strict=True)), (row, got)


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("precision", MOST_APART)
@pytest.mark.parametrize("folder", ["router", "router-v5", "router-variants", "bert"])
def test_less_precise_decisions_are_the_references_where_they_are_clear(computed, folder, precision, isa):
    expected = rows(folder)
    for got, row in zip(computed(folder, expected, precision, isa), expected, strict=True):
        p, q = softmax(got), softmax(row["logits"])
        first, second = sorted(q)[-1], sorted(q)[-2]
        assert all(abs(a - b) <= MOST_APART[precision] for a, b in zip(p, q, strict=True)), (p, q)
        assert not first - second > CLEAR[precision] or p.index(max(p)) == q.index(first), (p, q)


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("precision, apart", [("bf16", 0.06), ("int8", 0.2)])
def test_less_precise_scores_are_near(computed, precision, apart, isa):
    for folder in ("reward", "pair-reward", "backbone-bin"):
        expected = rows(folder)
        for got, row in zip(computed(folder, expected, precision, isa), expected, strict=True):
            assert all(abs(a - b) <= apart * max(1, abs(b)) for a, b in zip(got, numbers(row), strict=True)), \
                (folder, got, numbers(row))


def test_the_sets_are_chosen_by_the_variable(run, zooter):
    """Otherwise the tests above would compare one set with itself."""
    def named(isa):
        p = run("model", "bench", GOLDEN / "router", "--tokens", 4, "--seconds", 0.01, "--json",
                env={**os.environ, "ONEDNN_MAX_CPU_ISA": isa})
        return json.loads(p.stdout)["isa"]
    flags = set(next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "").split())
    # its ELF header; an emulator's script is none
    is_x86 = pathlib.Path(zooter).read_bytes()[18:20] == b"\x3e\x00"
    if "avx2" not in flags or not is_x86:
        pytest.skip("needs an x86-64 processor with AVX2")
    assert len({named("SSE41"), named("AVX2")}) == 2
    assert "avx512_bf16" not in flags or len({named(isa) for isa in ("AVX2", "AVX512_CORE", "AVX512_CORE_VNNI",
                                                                     "AVX512_CORE_BF16")}) == 4
