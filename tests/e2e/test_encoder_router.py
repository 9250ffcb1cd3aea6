"""route and serve with Hugging Face folders of encoders as routers: the golden ones,
and one whose embeddings stay in its file."""
import concurrent.futures
import json
import os
import pathlib
import shutil
import struct
import subprocess

import pytest

from conftest import ROOT, free_port
from faulty import Faulty
from test_serve import chat, post
from tiny_router import softmax

GOLDEN = ROOT / "tests" / "golden"
ROUTERS = ["router", "router-v5", "router-variants", "bert"]


def rows(folder):
    """What the reference says of texts that fit into the router's limit of tokens and into a line."""
    most = json.loads((GOLDEN / folder / "config.json").read_text())["max_position_embeddings"]
    with open(GOLDEN / folder / "expected.jsonl", encoding="utf-8") as f:
        for line in f:
            r = json.loads(line)
            if not r.get("pair") and not r.get("max_length") and len(r["ids"]) <= most:
                yield r


def route(run, folder, queries, *args):
    lines = "".join(json.dumps({"query": q}) + "\n" for q in queries)
    p = run("route", "--router", folder, "--jsonl", *args, input=lines)
    assert p.returncode == 0, p.stderr
    return [json.loads(line) for line in p.stdout.splitlines()]


@pytest.mark.parametrize("folder", ROUTERS)
def test_route_says_what_the_reference_says(run, folder):
    expected = list(rows(folder))
    assert len(expected) > 50
    for threads in 1, 3:
        got = route(run, GOLDEN / folder, [r["text"] for r in expected], "--precision", "f32", "--threads", threads)
        for r, d in zip(expected, got, strict=True):
            p = softmax(r["logits"])
            assert all(abs(a - b) <= 1e-4 for a, b in zip(d["probabilities"].values(), p, strict=True)), r["text"][:60]
            assert p[list(d["probabilities"]).index(d["expert"])] >= max(p) - 1e-4


@pytest.mark.parametrize("precision", ["f32", "bf16", "int8"])
def test_neither_threads_nor_neighbours_change_a_result(run, precision):
    queries = [r["text"] for r in rows("router")][:40]
    alone = [route(run, GOLDEN / "router", [q], "--precision", precision, "--threads", 1)[0] for q in queries[:5]]
    together = route(run, GOLDEN / "router", queries, "--precision", precision, "--threads", 3)
    assert [d["probabilities"] for d in alone] == [d["probabilities"] for d in together[:5]]
    backwards = route(run, GOLDEN / "router", queries[::-1], "--precision", precision, "--threads", 2)
    assert [d["probabilities"] for d in backwards[::-1]] == [d["probabilities"] for d in together]


def test_a_long_query_is_cut_and_memory_stays_bounded(run):
    start = "tell me about the moon and the sun " * 100
    short, long, huge = route(run, GOLDEN / "router", [start, start + "and more " * 100, start * 2500])
    assert short["probabilities"] == long["probabilities"] == huge["probabilities"]


@pytest.mark.parametrize("precision", ["f32", "int8", None])
def test_eval_chooses_as_route_does(run, tmp_path, precision):
    queries = sorted({r["text"] for r in rows("router")})[:60]
    args = ["--precision", precision] if precision else []
    chosen = [d["expert"] for d in route(run, GOLDEN / "router", queries, *args)]
    experts = list(json.loads((GOLDEN / "router/config.json").read_text())["id2label"].values())
    lines = "".join(json.dumps({"id": str(i), "query": q, "split": "test",
                                "rewards": {e: float(e == c) for e in experts}}) + "\n"
                    for i, (q, c) in enumerate(zip(queries, chosen)))
    assert run("import", "--store", tmp_path / "s.db", "-", input=lines).returncode == 0
    p = run("eval", "--store", tmp_path / "s.db", "--router", GOLDEN / "router", "--json", "-", "--bootstrap", 0,
            "--threads", 3, *args)
    assert p.returncode == 0, p.stderr
    assert next(m for m in json.loads(p.stdout)["methods"] if m["kind"] == "router")["over_rows"]["mean"] == 1
    p = run("eval", "--store", tmp_path / "s.db", "--router", GOLDEN / "router", "--precision", "fp8")
    assert p.returncode == 2 and "--precision" in p.stderr


def test_explain_shows_what_an_encoder_can_say(run):
    p = run("route", "--router", GOLDEN / "bert", "--explain", "What is 12 times 12?")
    assert p.returncode == 0 and p.stdout.count("wizard") == 3 and "does not say which words" in p.stdout and \
        "beginning" not in p.stdout
    p = run("route", "--router", GOLDEN / "bert", "--explain", "moon " * 1000)
    assert p.returncode == 0 and "only its beginning was read" in p.stdout


@pytest.mark.parametrize("folder, said", [("reward", "scalar reward model"), ("pair-reward", "PairRM"),
                                          ("backbone-bin", "bare encoder")])
def test_what_is_no_router_is_called_by_its_name(run, folder, said):
    p = run("route", "--router", GOLDEN / folder, "hello")
    assert p.returncode == 1 and said in p.stderr and "no router" in p.stderr and p.stderr.count("\n") == 1


def test_wrong_folders_are_named(run, tmp_path):
    def variant(change):
        shutil.rmtree(tmp_path / "v", ignore_errors=True)
        shutil.copytree(GOLDEN / "bert", tmp_path / "v")
        change(tmp_path / "v")
        p = run("route", "--router", tmp_path / "v", "hello")
        assert p.returncode == 1 and str(tmp_path / "v") in p.stderr and p.stdout == ""
        return p.stderr

    def config(**values):
        def change(v):
            c = json.loads((v / "config.json").read_text())
            (v / "config.json").write_text(json.dumps({**c, **values}))
        return change

    def delete(*names):
        return lambda v: [(v / n).unlink() for n in names]
    assert "tokenizer.json" in variant(delete("tokenizer.json", "vocab.txt"))
    assert "model.safetensors" in variant(delete("model.safetensors"))
    assert "config.json" in variant(delete("config.json"))
    assert "hidden_act" in variant(config(hidden_act="mish"))
    assert "word_embeddings" in variant(config(vocab_size=3999))
    assert "an expert 0" in variant(config(id2label={str(i): f"an expert {i}" for i in range(6)}))
    assert "newer" in variant(config(zooter={"format": 9}))
    assert "temperature" in variant(config(zooter={"format": 1, "temperature": -1}))
    p = run("route", "--router", GOLDEN / "bert", "--precision", "fp8", "hello")
    assert p.returncode == 2 and "--precision" in p.stderr


# ---- serve ----------------------------------------------------------------------------------------------------------

@pytest.fixture
def upstream():
    with Faulty() as up:
        yield up


@pytest.fixture
def gateway(server, tmp_path, upstream):
    def start(router, *args, **settings):
        names = json.loads((pathlib.Path(router) / "config.json").read_text())["id2label"].values()
        port = free_port()
        config = {"listen": f"127.0.0.1:{port}", "router": str(router), "limits": {"route_ms": 30000},
                  "experts": [{"name": n, "base_url": upstream.url, "model": "ok"} for n in names], **settings}
        (tmp_path / "serve.yaml").write_text(json.dumps(config))
        url = f"http://127.0.0.1:{port}"
        start.process = server("serve", "--config", tmp_path / "serve.yaml", *args, url=url + "/health")
        return url
    return start


def test_serve_decides_as_route_does(run, gateway):
    queries = [r["text"] for r in rows("bert")][:30]
    queries = [q for q in queries if q.strip()]
    expected = route(run, GOLDEN / "bert", queries, "--precision", "f32")
    url = gateway(GOLDEN / "bert", "--threads", "2", precision="f32")
    log = gateway.process.log.read_text()
    assert "an encoder over 6 experts, f32, on 2 threads" in log and "no mean rewards" in log
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda q: json.loads(post(url, {"query": q}, path="/v1/route")[2]), queries))
    for e, d in zip(expected, got, strict=True):
        assert d["expert"] == e["expert"] and abs(d["probability"] - e["probability"]) <= 2e-6
    assert json.loads(post(url, {"query": ""}, path="/v1/route")[2])["expert"] == "wizardlm-13b"      # the first


def test_serve_takes_precision_and_a_default(gateway):
    url = gateway(GOLDEN / "router", "--precision", "int8", precision="f32", default_expert="vicuna-13b")
    log = gateway.process.log.read_text()
    assert ", int8, on " in log and "no mean rewards" not in log
    assert json.loads(post(url, {"query": ""}, path="/v1/route")[2])["expert"] == "vicuna-13b"


def large_vocabulary(folder):
    """The golden BERT with so many words (most of them a hole in the file)
    that its embeddings are not read into memory."""
    shutil.copytree(GOLDEN / "bert", folder)
    config = json.loads((folder / "config.json").read_text())
    raw = (folder / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header, data = json.loads(raw[8:8 + size]), raw[8 + size:]
    header.pop("__metadata__", None)
    words = header.pop("bert.embeddings.word_embeddings.weight")
    rows, at, out, new = 750_000, 0, b"", {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        out += data[begin:end]
        new[name] = {**t, "data_offsets": [at, at + end - begin]}
        at += end - begin
    width = words["shape"][1]
    new["bert.embeddings.word_embeddings.weight"] = {"dtype": "F32", "shape": [rows, width],
                                                     "data_offsets": [at, at + rows * width * 4]}
    head = json.dumps(new).encode()
    head += b" " * (-len(head) % 8)
    with open(folder / "model.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + out + data[slice(*words["data_offsets"])])
        f.truncate(8 + len(head) + at + rows * width * 4)
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": rows}))
    return folder


def test_a_large_vocabulary_stays_in_the_file(run, tmp_path):
    queries = [r["text"] for r in rows("bert")][:20]
    large = route(run, large_vocabulary(tmp_path / "large"), queries, "--precision", "f32")
    assert large == route(run, GOLDEN / "bert", queries, "--precision", "f32")


@pytest.mark.parametrize("damage", ["cut", "written"])
def test_a_weight_file_that_changes_while_it_is_served_is_no_outage(gateway, tmp_path, damage):
    folder = large_vocabulary(tmp_path / "large")
    url = gateway(folder, default_expert="vicuna-13b")
    assert post(url, chat("What is 17 * 23?"))[1]["x-zooter-reason"] == "routed"
    path = folder / "model.safetensors"
    if damage == "cut":
        os.truncate(path, 4096)
    else:
        with open(path, "r+b") as f:
            f.seek(1 << 20)
            f.write(b"\0" * 64)
    for _ in range(3):
        status, headers, _ = post(url, chat("What is 17 * 23?"))
        assert (status, headers["x-zooter-model"], headers["x-zooter-reason"]) == (200, "vicuna-13b", "default")
    assert gateway.process.poll() is None
    assert "model.safetensors" in gateway.process.log.read_text()


def test_a_small_router_is_in_memory_and_outlives_its_files(gateway, tmp_path):
    folder = shutil.copytree(GOLDEN / "router", tmp_path / "small")
    url = gateway(folder)
    before = json.loads(post(url, {"query": "What is 17 * 23?"}, path="/v1/route")[2])
    for name in "model.safetensors", "tokenizer.json", "config.json":
        os.truncate(folder / name, 100)
    after = json.loads(post(url, {"query": "What is 17 * 23?"}, path="/v1/route")[2])
    assert before["probabilities"] == after["probabilities"] and after["reason"] == "routed"


@pytest.mark.parametrize("damage", ["cut", "emptied"])
def test_a_weight_file_that_is_cut_under_route_is_an_error(zooter, tmp_path, damage):
    folder = large_vocabulary(tmp_path / "large")
    p = subprocess.Popen([zooter, "route", "--router", folder, "--threads", "2"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    p.stdin.write("What is 17 * 23?\n")
    p.stdin.flush()
    assert json.loads(p.stdout.readline())["expert"]
    os.truncate(folder / "model.safetensors", 4096 if damage == "cut" else 0)
    out, said = p.communicate("What is 18 * 23?\nand the moon?\n", timeout=30)
    assert p.returncode == 1 and out == "" and "model.safetensors" in said and said.count("\n") == 1, (p.returncode,
                                                                                                       said)


def test_a_folder_that_is_replaced_while_it_is_served_changes_nothing(gateway, tmp_path):
    folder = large_vocabulary(tmp_path / "large")
    url = gateway(folder)
    before = json.loads(post(url, {"query": "What is 17 * 23?"}, path="/v1/route")[2])
    folder.rename(tmp_path / "old")
    shutil.copytree(GOLDEN / "router", folder)
    after = json.loads(post(url, {"query": "What is 17 * 23?"}, path="/v1/route")[2])
    assert before["probabilities"] == after["probabilities"] and after["reason"] == "routed"


def test_a_deadline_that_no_pass_meets_gives_the_default(gateway):
    url = gateway(GOLDEN / "router", default_expert="vicuna-13b", limits={"route_ms": 1})
    texts = [" ".join(["moon"] * 600) + str(i) for i in range(40)]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        reasons = [h["x-zooter-reason"] for _, h, _ in pool.map(lambda t: post(url, chat(t)), texts)]
    assert set(reasons) <= {"overloaded", "routed"} and "overloaded" in reasons
