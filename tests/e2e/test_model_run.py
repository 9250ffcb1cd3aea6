"""zooter model run: the reference's token ids and logits from every golden folder, order, errors in place, streaming,
limits."""
import json
import math
import os
import pathlib
import shutil
import struct
import subprocess
import time

import pytest

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
FOLDERS = ["router", "router-v5", "router-variants", "backbone-bin", "reward", "pair-reward", "bert"]


def rows(folder):
    return [json.loads(line) for line in (GOLDEN / folder / "expected.jsonl").read_bytes().splitlines()]


def flat(row):
    found = [row[k] for k in ("logits", "logit", "cls") if k in row]
    assert len(found) == 1
    return found[0] if isinstance(found[0], list) else [found[0]]


def agrees(got, expected, tolerance):
    return len(got) == len(expected) and all(abs(a - b) <= tolerance * max(1, abs(b)) for a, b in zip(got, expected))


@pytest.fixture
def model(run):
    """model(folder, rows or text, *options) -> rows of the answer; exit status 0."""
    def call(folder, given, *options, status=0):
        text = given if isinstance(given, (str, bytes)) else "".join(json.dumps(r) + "\n" for r in given)
        p = run("model", "run", folder if os.path.isabs(folder) else GOLDEN / folder, *options, input=text)
        assert p.returncode == status, p.stderr
        return [json.loads(line) for line in p.stdout.splitlines()]
    return call


@pytest.mark.parametrize("folder", FOLDERS)
def test_ids_and_logits_are_the_references(model, folder):
    """The rows are given as they are: what is expected of them does not disturb."""
    expected = rows(folder)
    for got, row in zip(model(folder, expected, "--precision", "f32"), expected, strict=True):
        assert got["ids"] == row["ids"], row
        assert got.get("types") == row.get("types")
        assert set(got) - {"ids", "types"} == {k for k in ("logits", "logit", "cls") if k in row}
        assert agrees(flat(got), flat(row), 1e-4), (flat(got), flat(row))


@pytest.mark.parametrize("precision, tolerance", [("bf16", 0.1), ("int8", 0.2), ("auto", 0.1)])
def test_other_precisions_are_near(model, precision, tolerance):
    expected = rows("router")
    for got, row in zip(model("router", expected, "--precision", precision), expected, strict=True):
        assert got["ids"] == row["ids"] and agrees(flat(got), flat(row), tolerance)


def test_threads_and_batches_change_no_bit(model):
    given = rows("bert")[:40]
    one = model("bert", given, "--threads", 1)
    assert one == model("bert", given, "--threads", 3)
    assert one == [model("bert", [row])[0] for row in given]


def test_numbers_read_back_as_the_same_float32(model):
    """Nine digits tell any two of them apart, and more are not written."""
    for got in model("backbone-bin", rows("backbone-bin")[:3]):
        for x in got["cls"]:
            assert f"{struct.unpack('f', struct.pack('f', x))[0]:.9g}" == f"{x:.9g}" or \
                f"{struct.unpack('f', struct.pack('f', x))[0]:.8g}" == f"{x:.8g}"


def test_nothing_is_cut_but_by_max_length(model):
    text = "word " * 900
    cut, whole, empty = model("router", [{"text": text, "max_length": 10}, {"text": text},
                                         {"text": "", "max_length": None, "id": 7, "more": {"a": []}}])
    assert len(cut["ids"]) == 10 and len(whole["ids"]) > 900 and len(empty["ids"]) == 2


def test_a_model_with_positions_refuses_more_than_it_has(model, run):
    given = [{"text": "a"}, {"text": "word " * 5000}, {"text": "b"}]
    a, error, b = model("bert", given, status=1)
    assert a["logits"] and b["logits"] and error["error"].startswith("stdin:2: ")


BAD = ["", "text", "[]", "7", "null", "{", '{"text"}', '{"text": 7}', '{"text": null}', "{}", '{"query": "x"}',
       '{"text": "a", "text": "b"}', '{"text": "a"} x', '{"text": "a", "pair": 7}', '{"text": "a", "max_length": 0}',
       '{"text": "a", "max_length": -1}', '{"text": "a", "max_length": 1.5}', '{"text": "a", "max_length": "5"}',
       '{"text": "a", "max_length": 1}', '{"text": "a", "max_length": 99999999999999999999999}', '{"text": "a\nb"}',
       '{"text": "a", "x": ' + "[" * 5000 + "]" * 5000 + "}"]


def test_a_bad_line_is_an_error_in_its_place_and_the_rest_goes_on(run):
    lines = [line.replace("\n", "\\x") for line in BAD]
    good = '{"text": "What is 12 * 31?"}'
    p = run("model", "run", GOLDEN / "router", input="".join(f"{good}\n{line}\n" for line in lines) + good)
    assert p.returncode == 1
    answers = [json.loads(line) for line in p.stdout.splitlines()]
    assert len(answers) == 2 * len(lines) + 1
    for i, answer in enumerate(answers):
        assert ("error" in answer) == bool(i % 2), (lines[i // 2], answer)
        if i % 2:
            assert answer["error"].startswith(f"stdin:{i + 1}") and answer["error"] in p.stderr
    assert f"{len(lines)} of {2 * len(lines) + 1} lines" in p.stderr


def test_a_comparison_needs_its_three_texts(model):
    full = {"query": "a", "candidate1": "b", "candidate2": "c"}
    for key in full:
        answer, = model("pair-reward", [{k: v for k, v in full.items() if k != key}], status=1)
        assert f"'{key}' is missing" in answer["error"]
    (good,) = model("pair-reward", [full])
    assert isinstance(good["logit"], float)


def test_what_is_not_utf8_is_a_replacement_character(model):
    broken = b'{"text": "caf\xe9 \xff\xfe", "\xff": 1}\n{"text": "caf\\ud800"}\n{"text": "nul \\u0000 in it"}\n'
    whole = '{"text": "caf\ufffd \ufffd\ufffd"}\n{"text": "caf\ufffd"}\n{"text": "nul \\u0000 in it"}\n'
    assert model("router", broken) == model("router", whole)
    assert model("bert", broken) == model("bert", whole)


def test_an_answer_comes_before_the_next_question(zooter):
    p = subprocess.Popen([zooter, "model", "run", str(GOLDEN / "router"), "--threads", "1"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
    for i in range(3):
        p.stdin.write(json.dumps({"text": f"question {i}"}) + "\n")
        p.stdin.flush()
        assert json.loads(p.stdout.readline())["logits"]
    p.stdin.close()
    assert p.wait(20) == 0


def test_ten_megabytes_of_text_in_bounded_memory(zooter, tmp_path):
    (tmp_path / "in").write_text(json.dumps({"text": "word " * 2_000_000}) + "\n"
                                 + json.dumps({"text": "word " * 2_000_000, "max_length": 512}) + "\n")
    command = f"{zooter} model run {GOLDEN / 'router'} --threads 1 <{tmp_path / 'in'} >{tmp_path / 'out'}; echo $?"
    code = "import resource, subprocess, sys; " \
           "p = subprocess.run(['sh', '-c', sys.argv[1]], capture_output=True, text=True); print(p.stdout.strip(), " \
           "resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    began = time.monotonic()
    status, mib = subprocess.run(["python3", "-c", code, command], capture_output=True, text=True,
                                 timeout=120).stdout.split()
    first, second = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert status == "1" and "stdin:1: " in first["error"] and len(second["ids"]) == 512
    if "asan" not in zooter and "tsan" not in zooter:
        assert int(mib) < 300, f"{mib} MiB"
        assert time.monotonic() - began < 60


def test_a_reader_that_leaves_ends_it(zooter):
    p = subprocess.run(f"yes '{{\"text\": \"a\"}}' | {zooter} model run {GOLDEN / 'router'} | head -1", shell=True,
                       capture_output=True, text=True, timeout=60)
    assert p.returncode == 0 and len(p.stdout.splitlines()) == 1


def test_a_weight_file_that_is_cut_while_it_runs(zooter, tmp_path):
    """An error that names the file, and no signal."""
    shutil.copytree(GOLDEN / "router", tmp_path / "router")
    p = subprocess.Popen([zooter, "model", "run", str(tmp_path / "router")], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    p.stdin.write('{"text": "a"}\n')
    p.stdin.flush()
    assert p.stdout.readline()
    os.truncate(tmp_path / "router/model.safetensors", 1000)
    out, err = p.communicate('{"text": "The quick brown fox"}\n', timeout=30)
    assert p.returncode in (0, 1), err
    assert p.returncode == 0 or "model.safetensors" in err + out


@pytest.mark.parametrize("change, status, sentence", [
    (lambda d: shutil.rmtree(d), 1, "config.json"),
    (lambda d: (d / "config.json").unlink(), 1, "config.json"),
    (lambda d: (d / "model.safetensors").unlink(), 1, "model.safetensors"),
    (lambda d: [(d / n).unlink() for n in ("tokenizer.json", "spm.model")], 1, "tokenizer"),
    (lambda d: (d / "config.json").write_text('{"model_type": "gpt2"}'), 1, "gpt2"),
])
def test_wrong_folders(run, tmp_path, change, status, sentence):
    shutil.copytree(GOLDEN / "router", tmp_path / "m")
    change(tmp_path / "m")
    p = run("model", "run", tmp_path / "m", input='{"text": "a"}\n')
    assert p.returncode == status and sentence in p.stderr and str(tmp_path / "m") in p.stderr and p.stdout == ""


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--precision", "fp8", GOLDEN / "router"],
                                       ["--threads", "0", GOLDEN / "router"]])
def test_wrong_use(run, arguments):
    assert run("model", "run", *arguments, input="").returncode == 2


def test_no_rows_no_answers(model):
    assert model("router", "") == []


def test_many_rows_over_several_batches(model):
    given = [{"text": f"question {i}", "max_length": 3 + i % 5} for i in range(5000)]
    answers = model("router", given)
    assert len(answers) == 5000 and all(len(a["ids"]) <= 3 + i % 5 and all(map(math.isfinite, a["logits"])) for i,
                                        a in enumerate(answers))
    assert answers[4321] == model("router", [given[4321]])[0]
