"""zooter route with a router written here, byte by byte, so that the format is read by more than its own writer."""
import json
import math
import os
import random
import re
import struct
import subprocess
import time
import unicodedata

import pytest

EXPERTS = ["alpha", "org/beta-7b", "gamma:free"]
LIMIT = 200


def tensors(dim, buckets, hidden):
    rng = random.Random(1)
    x = hidden or dim
    shapes = {"embedding.weight": [buckets, dim], "hidden.weight": [hidden, dim], "hidden.bias": [hidden],
              "classifier.weight": [3, x], "classifier.bias": [3], "tags.weight": [5, x], "tags.bias": [5]}
    for name, shape in shapes.items():
        if shape[0]:
            n = shape[0] * (shape[1] if len(shape) > 1 else 1)
            yield name, shape, [rng.gauss(0, 1) for _ in range(n)]


def write_safetensors(path, items):
    header, data = {}, b""
    for name, shape, values in items:
        raw = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def config(dim=8, buckets=256, hidden=4):
    return {"architectures": ["ZooterNgramForSequenceClassification"], "model_type": "zooter-ngram",
            "id2label": {str(i): e for i, e in enumerate(EXPERTS)}, "label2id": {e: i for i, e in enumerate(EXPERTS)},
            "zooter": {"format": 1, "temperature": 0.1, "text_limit": LIMIT,
                       "encoder": {"buckets": buckets, "dim": dim, "hidden": hidden, "word_order": 2, "char_min": 3,
                                   "char_max": 4},
                       "mean_rewards": {"alpha": 0.5, "org/beta-7b": 0.25, "gamma:free": None},
                       "tags": [{"kind": "subset", "values": ["math", "code"]},
                                {"kind": "subject", "values": ["a" * 100, "\x1b[31mred" * 3, "c"]}]}}


@pytest.fixture
def router(tmp_path):
    folder = tmp_path / "router"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config()))
    write_safetensors(folder / "model.safetensors", tensors(8, 256, 4))
    return folder


# ---- docs/ngram-router.md, said once more ----
WORD = (1 << 64) - 1


def mix(x):
    for _ in range(2):
        x = (x ^ x >> 32) * 0xD6E8FEB86659FD93 & WORD
    return x ^ x >> 32


def hash64(data, seed):
    h = seed * 0x9E3779B97F4A7C15 + len(data)
    while len(data) > 8:
        h = mix((h ^ int.from_bytes(data[:8], "little")) & WORD) + seed
        data = data[8:]
    return mix((h ^ int.from_bytes(data, "little")) & WORD)


def kind(c):
    code = ord(c)
    if any(a <= code <= b for a, b in ((0x2E80, 0x2FDF), (0x3040, 0x31BF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
                                       (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x3FFFF))):
        return 4
    return {"L": 1, "M": 1, "N": 2, "Z": 0, "C": 0}.get(unicodedata.category(c)[0], 3)


def words_of(query):
    """(kind, bytes) of each word."""
    words, open_run = [], 0
    for c in query.encode()[:LIMIT].decode(errors="ignore"):
        c = chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c
        c = c.lower() if len(c.lower()) == 1 else c
        k, b = kind(c), c.encode()
        if k == 0:
            open_run = 0
        elif k == open_run and len(words[-1][1]) + len(b) <= 64:
            words[-1] = (k, words[-1][1] + b)
        else:
            words.append((k, b))
            open_run = k if k in (1, 2) else 0
    return words


def rows_of(query, buckets):
    words, hashes = words_of(query), []
    for k, b in words:
        hashes.append(hash64(b, k))
    out = list(hashes)
    for a, b in zip(hashes, hashes[1:]):                        # word_order 2
        out.append(mix((a * 0x9E3779B97F4A7C15 + b) & WORD))
    for k, b in words:
        marked = f"<{b.decode()}>"
        if k == 1:
            out += [hash64(marked[i:i + n].encode(), 111) for n in (3, 4) if n < len(marked)
                    for i in range(len(marked) - n + 1)]
        if k == 2:
            out.append(mix(len(b) << 32 | 101))
    return [((h >> 32) * buckets) >> 32 for h in out]


def probabilities_of(query, dim, buckets, hidden):
    t = {name: (shape, values) for name, shape, values in tensors(dim, buckets, hidden)}
    rows = rows_of(query, buckets)

    def layer(x, name):
        weight, bias = t[name + ".weight"][1], t[name + ".bias"][1]
        return [b + sum(weight[o * len(x) + i] * v for i, v in enumerate(x)) for o, b in enumerate(bias)]

    x = [sum(t["embedding.weight"][1][r * dim + d] for r in rows) / math.sqrt(len(rows) or 1) for d in range(dim)]
    x = [math.tanh(v) for v in layer(x, "hidden")] if hidden else x
    e = [math.exp(v) for v in layer(x, "classifier")]
    return [v / sum(e) for v in e]


def parsed(p):
    assert p.returncode == 0, p.stderr
    return [json.loads(line) for line in p.stdout.splitlines()]


def some_queries(n):
    rng = random.Random(2)
    words = ["what", "is", "the", "sum", "of", "Größe", "中文", "12", "3.5", "def f(x):", "?", "internationalisation"]
    return [" ".join(rng.choice(words) for _ in range(rng.randrange(0, 30))) for _ in range(n)]


def test_arguments_give_a_line_each(run, router):
    rows = parsed(run("route", "--router", router, "What is 12 times 12?", "hello", ""))
    assert [r["id"] for r in rows] == [1, 2, 3]
    for r in rows:
        assert list(r) == ["id", "expert", "probability", "margin", "probabilities"]
        assert list(r["probabilities"]) == EXPERTS
        p = sorted(r["probabilities"].values(), reverse=True)
        assert r["probabilities"][r["expert"]] == r["probability"] == p[0]
        assert abs(sum(p) - 1) < 1e-5
        assert abs(r["margin"] - (p[0] - p[1])) < 2e-6


def test_probabilities_are_those_of_the_documented_network(run, router, tmp_path):
    linear = tmp_path / "linear"
    linear.mkdir()
    (linear / "config.json").write_text(json.dumps(config(dim=10, buckets=999, hidden=0)))
    write_safetensors(linear / "model.safetensors", tensors(10, 999, 0))
    queries = some_queries(60) + ["", "ÄÖÜ straße ΔΕΛΤΑ Ёлка", "Ｆｕｌｌ－ｗｉｄｔｈ １２３", "e\u0301te\u0301 नमस्ते ٣٤", "x" * 150,
                                  "漢字かなカナ한국어", "€5 ±3½",
                                  "中" * 66 + "ab", "don't_stop x2y 3.14"]
    for folder, shape in ((router, (8, 256, 4)), (linear, (10, 999, 0))):
        got = parsed(run("route", "--router", folder, "--", *queries))
        for q, r in zip(queries, got):
            for a, b in zip(r["probabilities"].values(), probabilities_of(q, *shape)):
                assert abs(a - b) <= 2e-5, q


def test_arguments_stdin_and_jsonl_say_the_same(run, router):
    queries = [q for q in some_queries(50) if not q.startswith("-")]
    arguments = run("route", "--router", router, "--", *queries).stdout
    lines = run("route", "--router", router, input="\n".join(queries)).stdout
    rows = run("route", "--router", router, "--jsonl", input="".join(json.dumps({"query": q}) + "\n"
                                                                     for q in queries)).stdout
    assert arguments == lines == rows
    assert len(arguments.splitlines()) == len(queries)


def test_the_bytes_do_not_depend_on_threads_and_keep_the_order(run, router):
    text = "\n".join(some_queries(20000)) + "\n"
    one = run("route", "--router", router, "--threads", 1, input=text)
    assert [r["id"] for r in parsed(one)] == list(range(1, 20001))
    for threads in (2, 7):
        assert run("route", "--router", router, "--threads", threads, input=text).stdout == one.stdout


def test_only_query_and_id_of_a_row_are_read(run, router):
    rows = [{"id": f"q{i}", "query": q} for i, q in enumerate(some_queries(300))]
    loud = [{"dataset": "d", "subset": f"s{i % 3}", "tags": ["math"] * (i % 4), "expert": "alpha",
             "text": "other words",
             "rewards": {e: (1.0 if j == i % 3 else 0.0) for j, e in enumerate(EXPERTS)}, **r} for i,
            r in enumerate(rows)]
    other = [{**r, "rewards": {e: -v for e, v in r["rewards"].items()}, "subset": "x", "tags": [], "text": "更多"}
             for r in loud]
    out = [run("route", "--router", router, "--jsonl", input="".join(json.dumps(r) + "\n" for r in x)).stdout
           for x in (rows, loud, other)]
    assert out[0] == out[1] == out[2]
    assert [json.loads(x)["id"] for x in out[0].splitlines()] == [f"q{i}" for i in range(300)]


def test_the_query_does_matter(run, router):
    rows = parsed(run("route", "--router", router, input="\n".join(some_queries(300))))
    assert len({r["expert"] for r in rows}) > 1
    assert len({json.dumps(r["probabilities"]) for r in rows}) > 200


def test_ids_come_back_as_they_were(run, router):
    text = '{"id": "\\u00e9\\"", "query": "x"}\n{"id": 12345678901234, "query": "x"}\n{"query": "x"}\n' \
           '{"id": null, "query": "x"}\n'
    assert [r["id"] for r in parsed(run("route", "--router", router, "--jsonl", input=text))] == \
        ["é\"", 12345678901234, 3, 4]


@pytest.mark.parametrize("bad, sentence", [
    (b'{"query": "cut', "stdin:151, column"),
    (b'{"query": 5}', "stdin:151: 'query' should be a string, is a number"),
    (b'["query"]', "stdin:151: should be an object"),
    (b'\x00\xff\xfe', "stdin:151"),
    (b'{"query": "a", "query": "b"}', "duplicate"),
    (b'[' * 100000, "stdin:151"),
    (b'', "stdin:151: expected JSON, found nothing"),
])
def test_a_bad_row_is_named_and_the_results_before_it_are_written(run, router, bad, sentence):
    good = "".join(json.dumps({"query": q}) + "\n" for q in some_queries(150)).encode()
    p = run("route", "--router", router, "--jsonl", input=good + bad + b"\n" + good)
    assert p.returncode == 1
    assert p.stderr.startswith("zooter route: ") and sentence in p.stderr
    assert [json.loads(line)["id"] for line in p.stdout.splitlines()] == list(range(1, 151))


def test_lines_of_any_bytes_are_routed(run, router):
    rng = random.Random(3)
    blob = bytes(rng.randrange(256) for _ in range(50000))
    p = run("route", "--router", router, input=blob)
    assert len(parsed(p)) == blob.count(b"\n") + (not blob.endswith(b"\n"))


def test_a_line_over_64_mib_is_refused_by_name(run, router):
    p = run("route", "--router", router, input=b"first\n" + b"x" * ((64 << 20) + 1))
    assert p.returncode == 1 and "stdin:2: a line of over 67108864 bytes" in p.stderr
    assert len(p.stdout.splitlines()) == 1


@pytest.mark.parametrize("jsonl", [False, True])
def test_an_answer_comes_before_more_is_asked(zooter, router, jsonl):
    p = subprocess.Popen([zooter, "route", "--router", router] + ["--jsonl"] * jsonl, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
    for i in range(3):
        line = json.dumps({"query": f"question {i}"}) if jsonl else f"question {i}"
        p.stdin.write(line.encode() + b"\n" + b'{"que')          # a line and the beginning of the next
        p.stdin.flush()
        assert json.loads(p.stdout.readline())["id"] == 2 * i + 1
        p.stdin.write(b'ry": "x"}\n')
        p.stdin.flush()
        assert json.loads(p.stdout.readline())["id"] == 2 * i + 2
    p.stdin.close()
    assert p.wait(10) == 0


def test_what_lies_behind_the_limit_changes_nothing(run, router):
    head = ("word " * LIMIT)[:LIMIT]
    one, two = parsed(run("route", "--router", router, head, head + "something else"))
    assert one["probabilities"] == two["probabilities"]
    out = run("route", "--router", router, "--explain", head + "something else").stdout
    assert f"(read: {LIMIT} of {LIMIT + 14} bytes, up to" in out


def test_help_documents_the_limits(run):
    out = run("route", "--help").stdout
    assert "4096 bytes" in out and "64 MiB" in out


def columns(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def test_an_explanation_fits_80_columns_and_obeys_no_text(run, router):
    queries = ["What is 12 times 12?", "", "x", "这是什么" * 40, "a\x1b[2Jb\x07 c\u202ed\u200b " * 20, "word " * 500,
               "e\u0301" * 100]
    long = "x" * 128
    text = (router / "config.json").read_text()
    for q in queries:
        (router / "config.json").write_text(text)
        p = run("route", "--router", router, "--explain", "--", q)
        (router / "config.json").write_text(text.replace("alpha", long))
        p.stdout += run("route", "--router", router, "--explain", "--", q).stdout
        assert p.returncode == 0
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200b]", p.stdout), repr(p.stdout)
        assert max(map(columns, p.stdout.splitlines())) <= 80, p.stdout
        for word in EXPERTS + ["subset", "subject"]:
            assert word in p.stdout


def test_an_explanation_names_the_expert_that_routing_names(run, router):
    queries = some_queries(30)
    experts = [r["expert"] for r in parsed(run("route", "--router", router, input="\n".join(queries)))]
    out = run("route", "--router", router, "--explain", input="\n".join(queries)).stdout
    assert re.findall(r"^-> (\S+), probability", out, re.M) == experts


def test_the_share_of_the_text_and_the_rest_add_up(run, router):
    out = run("route", "--router", router, "--explain", "How many are 7 and 8?").stdout
    whole, text, rest = map(float, re.search(r"log-odds (\S+): (\S+) from the text, (\S+) before any text",
                                             out).groups())
    assert abs(whole - text - rest) < 2e-3 and whole >= 0


def test_a_wide_network_without_a_hidden_layer_routes_too(run, tmp_path):
    folder = tmp_path / "wide"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config(dim=33, buckets=100, hidden=0)))
    write_safetensors(folder / "model.safetensors", tensors(33, 100, 0))
    parsed(run("route", "--router", folder, "hello"))


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def break_config(folder, change):
    c = config()
    change(c)
    (folder / "config.json").write_text(json.dumps(c))


@pytest.mark.parametrize("harm, sentence", [
    (lambda f: (f / "model.safetensors").unlink(), "model.safetensors: No such file"),
    (lambda f: (f / "config.json").unlink(), "config.json: No such file"),
    (lambda f: cut(f / "model.safetensors"), "cut short"),
    (lambda f: cut(f / "config.json"), "not JSON"),
    (lambda f: (f / "model.safetensors").write_bytes(b"PK\x03\x04" * 10), "not safetensors"),
    (lambda f: (f / "config.json").write_text("[]"), "should be an object"),
    (lambda f: break_config(f, lambda c: c.update(model_type="gpt2")),
     "'gpt2' is not supported; supported: zooter-ngram"),
    (lambda f: break_config(f, lambda c: c.pop("zooter")), "'zooter'"),
    (lambda f: break_config(f, lambda c: c.update(id2label={})), "0 experts"),
    (lambda f: break_config(f, lambda c: c.update(id2label={str(i): f"e{i}" for i in range(4097)})), "4097 experts"),
    (lambda f: break_config(f, lambda c: c["id2label"].pop("1")), 'none for "1"'),
    (lambda f: break_config(f, lambda c: c["id2label"].update({"1": "a b"})), "'a b'"),
    (lambda f: break_config(f, lambda c: c["zooter"]["encoder"].update(dim=7)), "config.json asks for 7"),
    (lambda f: write_safetensors(f / "model.safetensors",
                                 ((n, s, [float("nan")] * len(v)) for n, s, v in tensors(8, 256, 4))),
     "not a finite number"),
    (lambda f: write_safetensors(f / "model.safetensors", list(tensors(8, 256, 4))[:-1]), "'tags.bias' is missing"),
])
def test_a_broken_router_is_named(run, router, harm, sentence):
    harm(router)
    p = run("route", "--router", router, "x")
    assert p.returncode == 1 and p.stdout == ""
    assert sentence in p.stderr and str(router) in p.stderr and p.stderr.count("\n") == 1


def test_wrong_use(run, router):
    for args in (["x"], ["--router", router, "--jsonl", "x"], ["--router", router, "--threads", "0", "x"],
                 ["--router", router, "--threads", "-1", "x"]):
        assert run("route", *args).returncode == 2
    assert run("route", "--router", "/nonexistent", "x").returncode == 1


def test_a_full_disk_is_a_failure(zooter, router):
    with open("/dev/full", "wb") as full:
        p = subprocess.run([zooter, "route", "--router", router, "x"], stdout=full, stderr=subprocess.PIPE)
    assert p.returncode == 1 and b"stdout" in p.stderr


def test_a_reader_that_leaves_ends_it(zooter, router):
    p = subprocess.Popen([zooter, "route", "--router", router], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    p.stdout.close()
    end = time.monotonic() + 20
    with pytest.raises(BrokenPipeError):
        while time.monotonic() < end:
            p.stdin.write(b"hello\n" * 1000)
    p.stdin = None
    assert p.wait(10) == 1


def test_a_router_replaced_while_it_is_read_is_one_or_the_other(zooter, router, tmp_path):
    """Two routers of different shape are exchanged all the time;
    every opening gives one of the two answers or a sentence."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps(config(dim=12, buckets=300, hidden=0)))
    write_safetensors(other / "model.safetensors", tensors(12, 300, 0))
    ask = [zooter, "route", "--router", router, "hello there"]
    answers = {subprocess.run(ask[:3] + [x] + ask[4:], capture_output=True).stdout for x in (router, other)}
    assert len(answers) == 2
    spare = tmp_path / "spare"
    seen = set()
    for _ in range(60):
        p = subprocess.Popen(ask, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.rename(router, spare)
        os.rename(other, router)
        os.rename(spare, other)
        out, err = p.communicate(timeout=10)
        assert out in answers or (p.returncode == 1 and err.startswith(b"zooter route: ")), (out, err)
        seen.add(out)
    assert seen & answers


def test_real_queries(run, router, shared):
    rows = [json.loads(line) for line in open(shared / "data/routerdc/test.jsonl")][:2000]
    out = parsed(run("route", "--router", router, "--jsonl", input="".join(json.dumps(r) + "\n" for r in rows)))
    assert [r["id"] for r in out] == [r["id"] for r in rows]
