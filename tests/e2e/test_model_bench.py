"""zooter model bench: what it prints and what it refuses. How fast a model is, bench/ asks."""
import json
import os
import pathlib
import shutil

import pytest

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
CIRCUMSTANCES = {"precision", "threads", "isa", "start_ms", "peak_mib", "runs", "median_ms", "min_ms"}


@pytest.fixture
def bench(run):
    def call(folder, *options, status=0, **more):
        p = run("model", "bench", folder, "--seconds", 0.02, *options, **more)
        assert p.returncode == status, p.stderr
        return p
    return call


@pytest.mark.parametrize("folder", ["router", "router-variants", "backbone-bin", "reward", "pair-reward", "bert"])
@pytest.mark.parametrize("precision", ["f32", "bf16", "int8"])
def test_a_line_for_each_length(bench, folder, precision):
    p = bench(GOLDEN / folder, "--tokens", "16,7", "--precision", precision, "--threads", 2, "--json")
    first, second = [json.loads(line) for line in p.stdout.splitlines()]
    assert (first["tokens"], second["tokens"]) == (16, 7)
    for row in (first, second):
        assert set(row) == CIRCUMSTANCES | {"tokens", "products_ms", "products_min_ms"}
        assert row["precision"] == precision and row["threads"] == 2 and row["runs"] >= 4
        assert 0 < row["min_ms"] <= row["median_ms"] and row["start_ms"] > row["min_ms"] and row["peak_mib"] > 1
        assert row["products_ms"] is None or 0 < row["products_min_ms"] <= row["products_ms"]


def test_a_batch(bench):
    row, = [json.loads(line) for line in bench(GOLDEN / "router", "--batch", "--precision", "f32",
                                               "--json").stdout.splitlines()]
    assert set(row) == CIRCUMSTANCES | {"batch", "tokens", "tokens_per_s", "products_tokens_per_s"}
    assert row["batch"] == 256 and 256 * 8 <= row["tokens"] <= 256 * 128
    assert row["tokens_per_s"] == pytest.approx(1000 * row["tokens"] / row["median_ms"], rel=1e-3)
    again, = [json.loads(line) for line in bench(GOLDEN / "router", "--batch", "--precision", "f32",
                                                 "--json").stdout.splitlines()]
    assert again["tokens"] == row["tokens"], "the same lengths each time"


def test_no_tokenizer_is_needed(bench, tmp_path):
    for name in ("config.json", "model.safetensors"):
        shutil.copy(GOLDEN / "router" / name, tmp_path / name)
    assert bench(tmp_path, "--tokens", "5").stdout


def test_the_usual_lengths_as_far_as_the_model_reads(bench):
    table = bench(GOLDEN / "bert").stdout.splitlines()
    lengths = [line.split()[0] for line in table[3:]]
    positions = json.loads((GOLDEN / "bert/config.json").read_text())["max_position_embeddings"]
    assert lengths == [str(n) for n in (16, 64, 128, 512) if n <= positions] and \
        "from opening to the first answer" in table[0]


def test_the_processor_can_be_made_smaller(bench):
    row = json.loads(bench(GOLDEN / "router", "--tokens", "5", "--json", "--precision", "f32",
                           env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}).stdout)
    assert row["isa"] in ("avx2", "portable")


@pytest.mark.parametrize("options", [["--tokens", "0"], ["--tokens", "x"], ["--tokens", "5,"], ["--tokens", "70000"],
                                     ["--tokens", "100000000000000000000"],
                                     ["--precision", "f8"], ["--threads", "0"], ["--seconds", "0"],
                                     ["--seconds", "nan"], ["--tokens", ",".join(["1"] * 65)]])
def test_wrong_use(run, options):
    p = run("model", "bench", GOLDEN / "bert", *options)
    assert p.returncode == 2 and p.stdout == ""


def test_more_tokens_than_the_model_reads(run):
    p = run("model", "bench", GOLDEN / "bert", "--tokens", "5,9999")
    assert p.returncode == 2 and "9999" in p.stderr


def test_a_folder_that_is_none(run):
    p = run("model", "bench", "/nowhere")
    assert p.returncode == 1 and "/nowhere/config.json" in p.stderr
