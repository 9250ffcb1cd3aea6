"""zooter train on the real binary: what it learns, says, writes, refuses, and what is left of it when it is killed."""
import json
import os
import pathlib
import random
import resource
import signal
import sqlite3
import subprocess
import time

import pytest

KINDS = {"poem": "write a short poem about {} in the spring", "sum": "what is the sum of {} and 17 ?",
         "code": "def function_{}(x): return the reversed list"}
EXPERTS = ["writer", "counter", "coder"]


def rows(n=240, seed=1, split="train", shuffled=False, tags=True):
    """Each expert is right nine times of ten on its kind, four times of ten elsewhere; `shuffled`:
    on kinds drawn at random."""
    r = random.Random(seed)
    for i in range(n):
        kind = list(KINDS)[i % 3]
        best = r.randrange(3) if shuffled else i % 3
        yield {"id": f"{split}-{i}", "query": KINDS[kind].format(r.randrange(10 ** 6)), "split": split,
               **({"subset": kind, "tags": [f"parity:{i % 2}"]} if tags else {}),
               "rewards": {e: int(r.random() < (0.9 if j == best else 0.4)) for j, e in enumerate(EXPERTS)}}


def lines(items):
    return "".join(json.dumps(x) + "\n" for x in items)


@pytest.fixture
def store(run, tmp_path):
    """store(rows, ...) -> the path of a store with them."""
    def make(items, name="s.db", *args):
        p = run("import", "--store", tmp_path / name, *args, "-", input=lines(items))
        assert p.returncode == 0, p.stderr
        return tmp_path / name
    return make


def training(folder):
    return json.loads((folder / "config.json").read_text())["zooter"]["training"]


def run_log(path):
    with sqlite3.connect(path) as db:
        return db.execute("SELECT command, status, summary FROM runs WHERE command = 'train'").fetchall()


def test_learns_says_and_records(run, store, tmp_path):
    db, out = store(rows()), tmp_path / "router"
    p = run("train", "--store", db, "--split", "train", "--encoder", "ngram", "--out", out)
    assert p.returncode == 0, p.stderr
    assert p.stdout == ""
    assert "The router is better than always asking" in p.stderr
    assert "each subset left out in turn" in p.stderr
    t = training(out)
    assert t["cross_validation"]["gain"] > 0.2 and t["rows"] == 240 and t["validation"]["rows"] == 24
    assert {x["kind"] for x in t["tag_kinds"]} == {"subset", "parity"}
    carries = {x["kind"]: x["between"] for x in t["tag_kinds"]}
    assert carries["subset"] > 10 * carries["parity"]
    assert [x["value"] for x in t["left_out"]["values"]] == list(KINDS)
    command, status, summary = run_log(db)[0]
    assert status == "done" and json.loads(summary)["cross_validation"]["gain"] == \
        pytest.approx(t["cross_validation"]["gain"])
    asked = "".join(KINDS[k].format("green frogs") + "\n" for k in KINDS)
    routed = [json.loads(x)["expert"] for x in run("route", "--router", out, input=asked).stdout.splitlines()]
    assert routed == EXPERTS


def test_the_same_seed_gives_the_same_bytes(run, store, tmp_path):
    db = store(rows())
    for name, threads, seed in (("a", 1, 7), ("b", 3, 7), ("c", 1, 8)):
        assert run("train", "--store", db, "--out", tmp_path / name, "--threads", threads, "--seed",
                   seed).returncode == 0
    for file in ("model.safetensors", "config.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a" / "model.safetensors").read_bytes() != (tmp_path / "c" / "model.safetensors").read_bytes()


def test_the_recipe_it_names_gives_the_same_router(run, store, tmp_path):
    db = store(rows())
    p = run("train", "--store", db, "--out", tmp_path / "a")
    options = p.stderr.rsplit("the same again: ", 1)[1].split()
    assert run("train", "--store", db, "--out", tmp_path / "b", *options).returncode == 0
    a, b = ((tmp_path / x / "model.safetensors").read_bytes() for x in "ab")
    assert len(a) == len(b)
    assert "cross_validation" not in training(tmp_path / "b")
    assert training(tmp_path / "b")["temperature"] == pytest.approx(training(tmp_path / "a")["temperature"], rel=1e-5)


def test_says_when_it_is_not_better(run, store, tmp_path):
    p = run("train", "--store", store(rows(shuffled=True)), "--out", tmp_path / "router")
    assert p.returncode == 0, p.stderr
    assert "better than always asking" in p.stderr and "The router is better" not in p.stderr
    assert "No kind of tag tells the experts apart" in p.stderr or "too few" in p.stderr
    p = run("train", "--store", store(rows(shuffled=True, tags=False), "untagged.db"), "--out", tmp_path / "other")
    assert "The router is better" not in p.stderr and "zooter tag" in p.stderr


def test_a_folder_that_is_not_empty_is_refused_before_training(run, store, tmp_path):
    db, out = store(rows()), tmp_path / "router"
    out.mkdir()
    (out / "precious").write_text("x")
    p = run("train", "--store", db, "--out", out)
    assert p.returncode == 2 and "not empty" in p.stderr and "--force" in p.stderr
    assert (out / "precious").exists() and run_log(db) == []
    assert run("train", "--store", db, "--out", out, "--force").returncode == 0
    assert sorted(x.name for x in out.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("options, status, sentence", [
    (["--split", "tarin"], 2, "no query is in the split 'tarin'"),
    (["--tags", "subset,colour"], 2, "--tags 'colour': no such kind of tag; there are: subset, parity"),
    (["--balance", "colour"], 2, "--balance 'colour': no such kind of tag"),
    (["--encoder", "missing"], 1, "--encoder: missing/config.json: No such file"),
    (["--layers", "head"], 2, "--layers is for encoders"),
    (["--resume"], 2, "--resume is for encoders"),
    (["--loss", "sideways"], 2, "should be 'forward', 'reverse', 'hard' or 'reward'"),
    (["--schedule", "stairs"], 2, "should be 'linear' or 'cosine'"),
    (["--balance-by", "luck"], 2, "should be 'weight' or 'sample'"),
    (["--balance", "none", "--balance-by", "sample"], 2, "there is no kind of tag to balance by"),
    (["--beta", "2"], 2, "--beta '2' should be"),
    (["--beta", "auto+"], 2, "--beta 'auto+' should be"),
    (["--kl", "sideways"], 2, "should be 'forward' or 'reverse'"),
    (["--temperature", "0"], 2, "temperature"),
    (["--validation", "0.9"], 2, "validation"),
    (["--reward-model", "nobody"], 2, "no reward model 'nobody'"),
])
def test_wrong_use(run, store, tmp_path, options, status, sentence):
    p = run("train", "--store", store(rows(60)), "--out", tmp_path / "router", *options)
    assert (p.returncode, sentence in p.stderr) == (status, True), p.stderr
    assert not (tmp_path / "router").exists()
    assert [x for x in tmp_path.iterdir() if "part" in x.name] == []


@pytest.mark.parametrize("out, sentence", [("missing/router", "No such file"), ("a-file", "Not a directory"),
                                           ("a-file/router", "Not a directory")])
def test_a_folder_that_cannot_be_written(run, store, tmp_path, out, sentence):
    (tmp_path / "a-file").write_text("x")
    p = run("train", "--store", store(rows(60)), "--out", tmp_path / out)
    assert p.returncode != 0 and "--out" in p.stderr, p.stderr
    assert "rows to learn from" not in p.stderr


def test_several_reward_models_and_none_named(run, store, tmp_path):
    db = store(rows(60))
    store([{**x, "rewards": {"writer": 0, "counter": i % 2, "coder": 1 - i % 2}} for i, x in enumerate(rows(60))],
          "s.db",
          "--reward-model", "judge")
    p = run("train", "--store", db, "--out", tmp_path / "router")
    assert p.returncode == 2 and "several reward models" in p.stderr
    p = run("train", "--store", db, "--out", tmp_path / "router", "--reward-model", "judge")
    assert p.returncode == 0 and training(tmp_path / "router")["reward_model"] == "judge"


def test_rows_without_all_rewards_are_left_out_and_counted(run, store, tmp_path):
    items = list(rows(60))
    for x in items[:7]:
        del x["rewards"]["coder"]
    items[8]["rewards"] = {}
    p = run("train", "--store", store(items), "--out", tmp_path / "router")
    assert p.returncode == 0, p.stderr
    assert "7 queries lack a reward of some expert" in p.stderr and "'coder' lacks most" in p.stderr
    assert "1 queries have no reward at all" in p.stderr
    for x in items:
        x["rewards"].pop("counter", None) if x["rewards"].get("coder") is not None else None
    p = run("train", "--store", store(items, "none.db"), "--out", tmp_path / "other")
    assert p.returncode == 2 and "no query has a reward of every expert" in p.stderr


def rewarded(items, change):
    """The same rows with change(reward, number of the row) for each reward."""
    return [{**x, "rewards": {e: change(r, i) for e, r in x["rewards"].items()}} for i, x in enumerate(items)]


@pytest.mark.parametrize("offset, scale", [(1e9, 1), (-1e15, 1), (0, 2.0 ** -100), (0, 2.0 ** 1000),
                                           (-(2.0 ** 1000), 2.0 ** 960)])
def test_offset_and_scale_of_rewards_are_not_learnt(run, store, tmp_path, offset, scale):
    """1e9 + {0, 1} and 2^1000 * {0, 1} give the router of {0, 1}, bit for bit;
    what is said of it is in the rewards' own unit."""
    db, odd = store(rows()), store(rewarded(rows(), lambda r, i: offset + scale * r), "odd.db")
    for name, path in (("a", db), ("b", odd)):
        p = run("train", "--store", path, "--out", tmp_path / name)
        assert p.returncode == 0 and "216 rows to learn from, 24 set aside" in p.stderr, p.stderr
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (tmp_path / "b" / "model.safetensors").read_bytes()
    a, b = (training(tmp_path / x) for x in "ab")
    assert b["temperature"] == pytest.approx(a["temperature"] * scale) and b["reward_spread"] == \
        pytest.approx(a["reward_spread"] * scale)
    close = 1e-9 * scale + 1e-14 * abs(offset)          # config.json has 15 digits
    for key in ("router", "best_single", "random", "oracle"):
        assert b["cross_validation"][key] == pytest.approx(offset + scale * a["cross_validation"][key], abs=close)
    assert b["cross_validation"]["gain"] == pytest.approx(scale * a["cross_validation"]["gain"])
    for x, y in zip(a["tag_kinds"], b["tag_kinds"]):
        assert scale > 1e150 or y["between"] == pytest.approx(x["between"] * scale * scale) and (y["between"] > 0) == \
            (x["between"] > 0)
    options = p.stderr.rsplit("the same again: ", 1)[1].split()
    assert run("train", "--store", odd, "--out", tmp_path / "again", *options).returncode == 0
    assert json.loads(run("route", "--router", tmp_path / "b", KINDS["code"].format(1)).stdout)["expert"] == "coder"


def test_an_offset_of_each_query_is_not_learnt(run, store, tmp_path):
    for name, items in (("a", rows()), ("b", rewarded(rows(), lambda r, i: 1e9 * i + r))):
        assert run("train", "--store", store(items, f"{name}.db"), "--out", tmp_path / name).returncode == 0
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (tmp_path / "b" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("change, status, sentence", [
    (lambda r, i: 1.7e308 * (2 * r - 1), 1,
     "are further apart than a number can say: correct them, or leave the query out"),
    (lambda r, i: 1e300 if i == 5 and r else r, 1,
     "query 'train-5' has rewards that differ by 1e+300, beside which those of 20"),
    (lambda r, i: 1e300 * r if i % 2 else r, 1, "vanish: correct its rewards"),
    (lambda r, i: 1e300 * r if i % 4 else r, 0,
     "queries say nothing: their rewards differ by next to nothing beside those of 'train-1', by 1e+300"),
])
def test_rewards_that_a_sum_cannot_hold_are_told(run, store, tmp_path, change, status, sentence):
    p = run("train", "--store", store(rewarded(rows(), change)), "--out", tmp_path / "router")
    assert (p.returncode, sentence in p.stderr) == (status, True), p.stderr
    assert (tmp_path / "router").exists() == (status == 0)


def test_an_expert_that_was_hardly_asked_is_named(run, store, tmp_path):
    """One that costs nearly all rows is refused, one that costs half of them is told;
    who is left out is said as an option."""
    def lacking(share):
        return [{**x, "rewards": {e: r for e, r in x["rewards"].items() if e != "coder" or i % share == 0}} for i,
                x in enumerate(rows(200))]
    p = run("train", "--store", store(lacking(200)), "--out", tmp_path / "router")
    assert p.returncode == 2 and not (tmp_path / "router").exists()
    assert ("only 1 query has a reward of every expert, which is too little to learn from; 'coder' lacks one for 199 "
            "of 200: score its "
            "answers, or leave it out: without 'coder', 200 would be complete (--without coder)") in p.stderr
    p = run("train", "--store", store(lacking(3), "third.db"), "--out", tmp_path / "router")
    assert p.returncode == 0 and training(tmp_path / "router")["rows"] == 67
    assert ("133 queries lack a reward of some expert and were left out; 'coder' lacks most, 133: without 'coder', "
            "200 would be complete "
            "(--without coder)") in p.stderr
    few = [{**x, "rewards": {e: r for e, r in x["rewards"].items() if e != "coder" or i > 9}} for i,
           x in enumerate(rows(200))]
    p = run("train", "--store", store(few, "few.db"), "--out", tmp_path / "other")
    assert p.returncode == 0 and "10 queries lack a reward of some expert" in p.stderr and "--without" not in p.stderr


@pytest.mark.parametrize("rewards, sentence", [
    (lambda r: {}, "none of the 60 queries has a reward"),
    (lambda r: {"only": r["coder"]}, "only one expert, 'only'"),
    (lambda r: {e: r["coder"] for e in r}, "nothing to learn"),
])
def test_rewards_that_teach_nothing(run, store, tmp_path, rewards, sentence):
    db = store([{**x, "rewards": rewards(x["rewards"])} for x in rows(60)])
    p = run("train", "--store", db, "--out", tmp_path / "router")
    assert p.returncode == 1 and sentence in p.stderr, p.stderr
    assert not (tmp_path / "router").exists()
    assert run_log(db)[0][1] == "failed"


def test_strange_texts(run, store, tmp_path):
    """Empty, huge, without a word, in many scripts, all the same: trained on like any other."""
    texts = ["", " ", "\n" * 50, "x" * 100000, "?" * 5000, "数学の問題を解いてください", "🤖" * 40, "a\u0000b".replace("\u0000", ""),
             "same", "same"]
    items = [{**x, "query": texts[i % len(texts)]} for i, x in enumerate(rows(200))]
    p = run("train", "--store", store(items), "--out", tmp_path / "router")
    assert p.returncode == 0, p.stderr
    assert run("route", "--router", tmp_path / "router", "--", "", "x" * 9000).returncode == 0


def test_few_rows(run, store, tmp_path):
    p = run("train", "--store", store(rows(3)), "--out", tmp_path / "router")
    assert p.returncode == 0 and "Too few queries" in p.stderr, p.stderr


def test_a_disk_that_is_full_leaves_nothing_behind(zooter, store, tmp_path):
    """No file may grow past 1 MiB: the weights do not fit."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    db, out = store(rows(60)), tmp_path / "router"
    p = subprocess.run([zooter, "train", "--store", db, "--out", out], capture_output=True, text=True, preexec_fn=limit,
                       timeout=120)
    assert p.returncode == 1 and "File too large" in p.stderr, p.stderr
    assert not out.exists() and [x for x in tmp_path.iterdir() if "part" in x.name] == []


def test_a_killed_training_leaves_the_old_router(run, zooter, store, tmp_path):
    db, out = store(rows()), tmp_path / "router"
    assert run("train", "--store", db, "--out", out).returncode == 0
    before = (out / "model.safetensors").read_bytes()
    p = subprocess.Popen([zooter, "train", "--store", db, "--out", out, "--force", "--epochs", "1000"],
                         stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    p.send_signal(signal.SIGKILL)
    p.wait()
    assert (out / "model.safetensors").read_bytes() == before
    assert run("route", "--router", out, "hello").returncode == 0
    assert run("train", "--store", db, "--out", out, "--force").returncode == 0


def test_validation_rewards_do_not_reach_the_labels(run, store, tmp_path):
    """Other rewards on another split change nothing."""
    train = list(rows())
    for name, seed in (("a", 5), ("b", 6)):
        db = store(train + list(rows(60, seed=seed, split="test")), f"{name}.db")
        assert run("train", "--store", db, "--split", "train", "--out", tmp_path / name).returncode == 0
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (tmp_path / "b" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("encoder", [[], ["--encoder", pathlib.Path(__file__).resolve().parents[1] / "golden" / "bert",
                                          "--rate", "1e-3"]])
def test_a_split_of_its_own_for_validation(run, store, tmp_path, encoder):
    """It says what the router is worth and when to stop; nothing is learnt from it,
    and no text of it is learnt from."""
    train, val = list(rows(120)), list(rows(60, seed=4, split="val"))
    val += [{**x, "id": f"twin-{i}", "split": "val"} for i, x in enumerate(train[:5])]
    other = [{**x, "rewards": {e: 1 - r for e, r in x["rewards"].items()}} for x in val]
    for name, items in (("a", train + val), ("b", val[:30] + train + val[30:]), ("c", train + other)):
        p = run("train", "--store", store(items, f"{name}.db"), *(["--split", "train"] if name != "b" else []),
                "--validation-split", "val",
                "--out", tmp_path / name, "--beta", "0.3", "--temperature", "0.1", "--epochs", "1", *encoder)
        assert p.returncode == 0, p.stderr
        assert "120 rows to learn from, 60 set aside for validation" in p.stderr
        assert "5 queries of the split 'val' were left out" in p.stderr
    assert len({(tmp_path / x / "model.safetensors").read_bytes() for x in "abc"}) == 1
    a, c = (training(tmp_path / x)["validation"] for x in "ac")
    assert a["rows"] == 60 and a["router"] == pytest.approx(1 - c["router"]) and \
        training(tmp_path / "a")["validation_split"] == "val"


@pytest.mark.parametrize("encoder", [[], ["--encoder", pathlib.Path(__file__).resolve().parents[1] / "golden" / "bert",
                                          "--rate", "1e-3"]])
def test_tags_are_drawn_equally_often(run, store, tmp_path, encoder):
    items = [x for x in rows(180) if x["subset"] != "code" or random.Random(x["id"]).random() < 0.4]
    db = store(items)
    for name, how in (("a", "sample"), ("b", "sample"), ("c", "weight")):
        p = run("train", "--store", db, "--out", tmp_path / name, "--beta", "0.3", "--temperature", "0.1",
                "--balance-by", how, *encoder)
        assert p.returncode == 0, p.stderr
        assert ("each subset is drawn equally often" in p.stderr) == (how == "sample")
        assert training(tmp_path / name)["balance_by"] == how
    a, b, c = ((tmp_path / x / "model.safetensors").read_bytes() for x in "abc")
    assert a == b != c
    assert encoder or json.loads(run("route", "--router", tmp_path / "a",
                                     KINDS["code"].format("frogs")).stdout)["expert"] == "coder"


@pytest.mark.parametrize("options, status, sentence", [
    (["--validation-split", "vla"], 2, "no query is in the split 'vla'"),
    (["--validation-split", "train"], 2, "cannot be set aside from itself"),
    (["--validation-split", "val", "--validation", "0.2"], 2, "give one"),
    (["--validation-split", "bare"], 1, "no query of the validation split has a reward of every expert"),
    (["--validation-split", "twins"], 1, "every query of the validation split is also one to learn from"),
])
def test_validation_splits_that_say_nothing(run, store, tmp_path, options, status, sentence):
    train = list(rows(60))
    items = train + list(rows(30, seed=4, split="val")) + [{"id": "bare", "query": "bare", "split": "bare",
                                                            "rewards": {"coder": 1}},
                                                           {**train[0], "id": "twin", "split": "twins"}]
    p = run("train", "--store", store(items), "--split", "train", "--out", tmp_path / "r", *options)
    assert (p.returncode, sentence in p.stderr) == (status, True), p.stderr


def test_many_experts_on_few_rows(run, shared, tmp_path):
    """36 LLMs on 47 rows: no better than the best one alone can be shown, and it must not be far below."""
    source = shared / "data" / "vicuna_bench" / "qlora_gpt4_scores.jsonl"
    assert run("import", "--store", tmp_path / "s.db", source).returncode == 0
    p = run("train", "--store", tmp_path / "s.db", "--split", "train", "--out", tmp_path / "router")
    assert p.returncode == 0, p.stderr
    t = training(tmp_path / "router")["cross_validation"]
    assert t["router"] > t["best_single"] - 0.35


def test_real_rewards(run, shared, tmp_path):
    """RouterDC's training rows: subsets and subjects are found to matter, the router beats the best LLM."""
    source = shared / "data" / "routerdc" / "train.jsonl"
    assert run("import", "--store", tmp_path / "s.db", source).returncode == 0
    started = time.monotonic()
    p = run("train", "--store", tmp_path / "s.db", "--split", "train", "--out", tmp_path / "router", "--beta", "auto",
            "--temperature", "0.03")
    assert p.returncode == 0, p.stderr
    assert os.environ.get("ZOOTER") or time.monotonic() - started < 30
    t = training(tmp_path / "router")
    assert t["validation"]["gain"] > t["validation"]["standard_error"]
    assert all(x["between"] > 0 for x in t["tag_kinds"])
