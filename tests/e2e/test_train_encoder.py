"""zooter train --encoder on the real binary: fine-tuning small checkpoints, killed and resumed, refused,
and read again."""
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import struct
import subprocess
import time

import pytest

import test_train
from test_train import EXPERTS, KINDS, rows, training

store = test_train.store
GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
FAST = ["--beta", "0.3", "--temperature", "0.1", "--rate", "1e-3", "--epochs", "3"]


def tensors(folder):
    """{name: bytes} of a safetensors file with its shapes."""
    data = (folder / "model.safetensors").read_bytes()
    n = int.from_bytes(data[:8], "little")
    head = json.loads(data[8:8 + n])
    head.pop("__metadata__", None)
    return {k: data[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]] for k, v in head.items()}


def log(run_folder):
    return [json.loads(x) for x in (run_folder / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="session")
def backbones(tmp_path_factory):
    """The golden checkpoints without what is only golden about them."""
    base = tmp_path_factory.mktemp("backbones")
    for name in ("bert", "router", "backbone-bin"):
        shutil.copytree(GOLDEN / name, base / name, ignore=shutil.ignore_patterns("*.jsonl", "train.json", "grad*",
                                                                                  "params*", "hidden*"))
        for f in (base / name).iterdir():
            f.chmod(0o644)
    return base


@pytest.mark.parametrize("name", ["bert", "router", "backbone-bin"])
def test_learns_says_and_writes(run, store, backbones, tmp_path, name):
    db, out, backbone = store(rows()), tmp_path / "r", shutil.copytree(backbones / name, tmp_path / "b")
    for other in ("README.md", "modules.json", "notes.whl"):       # of the model that it was, not of the router
        (backbone / other).write_text("{}")
    (backbone / "LICENSE").write_text("as you like\n")
    p = run("train", "--store", db, "--encoder", backbone, "--out", out, "--rate", "1e-3", "--epochs", "4")
    assert p.returncode == 0, p.stderr
    assert "The router is better than always asking" in p.stderr and "with n-gram routers" in p.stderr
    config = json.loads((out / "config.json").read_text())
    assert config["id2label"] == {str(i): e for i, e in enumerate(EXPERTS)}
    assert config["architectures"] == ["BertForSequenceClassification" if name == "bert"
                                       else "DebertaV2ForSequenceClassification"]
    t = training(out)
    assert t["validation"]["rows"] == 24 and t["validation"]["gain"] > 0.2 and t["encoder"]["epochs_taken"] == 4
    assert {f.name for f in out.iterdir()} == \
        {f.name for f in (backbones / name).iterdir()} - {"pytorch_model.bin"} | {"model.safetensors", "LICENSE"}
    asked = "".join(KINDS[k].format("green frogs") + "\n" for k in KINDS)
    assert [json.loads(x)["expert"] for x in run("route", "--router", out, input=asked).stdout.splitlines()] == EXPERTS
    lines = log(tmp_path / "r.run")
    steps = [x for x in lines if "norm" in x]
    assert [x["step"] for x in steps] == list(range(1, 4 * 7 + 1)) and max(x["rate"] for x in steps) == \
        pytest.approx(1e-3)
    assert [x["epoch"] for x in lines if "reward" in x] == [1, 2, 3, 4]
    assert sorted(f.name for f in (tmp_path / "r.run").iterdir() if "curves" not in f.name) == ["last", "log.jsonl"]
    assert run("route", "--router", tmp_path / "r.run" / "last", "hello").returncode == 0


def test_curves_are_drawn(run, store, backbones, tmp_path):
    if not shutil.which("gnuplot"):
        pytest.skip("needs gnuplot")
    run("train", "--store", store(rows()), "--encoder", backbones / "bert", "--out", tmp_path / "r", *FAST)
    assert "validation reward" in (tmp_path / "r.run" / "curves.svg").read_text()
    p = run("train", "--store", tmp_path / "s.db", "--encoder", backbones / "bert", "--out", tmp_path / "q",
            "--validation", "0", *FAST)
    curves = (tmp_path / "q.run" / "curves.svg").read_text()
    assert p.returncode == 0 and "not drawn" not in p.stderr and "loss of a step" in curves and \
        "validation reward" not in curves


def test_the_same_seed_gives_the_same_bytes(run, store, backbones, tmp_path):
    db = store(rows())
    for name, threads, seed in (("a", 1, 7), ("b", 3, 7), ("c", 1, 8)):
        p = run("train", "--store", db, "--encoder", backbones / "router", "--out", tmp_path / name, "--threads",
                threads, "--seed", seed, *FAST)
        assert p.returncode == 0, p.stderr
    for file in ("model.safetensors", "config.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a" / "model.safetensors").read_bytes() != (tmp_path / "c" / "model.safetensors").read_bytes()


def being_written(out, run_folder):
    """Whether state, a checkpoint or the router itself is half there."""
    beside = [x.name for x in out.parent.iterdir() if x.name.startswith(f".{out.name}")
              or x.name.startswith(f"{out.name}.part")]
    return beside + [x.name for x in run_folder.iterdir() if "part" in x.name] if run_folder.exists() else beside


@pytest.mark.parametrize("options", [["--layers", "all"], ["--layers", "head", "--balance-by", "sample"]])
def test_killed_twenty_times_it_goes_on_to_the_same_bytes(run, zooter, store, backbones, tmp_path, options):
    """Half of the kills come at random moments, half while something is written."""
    db = store(rows(120))
    command = ["train", "--store", db, "--encoder", backbones / "bert", "--rate", "1e-3", "--epochs", "8",
               "--save-every", "0", "--batch", "8",
               "--threads", "1", "--beta", "0.3", "--temperature", "0.1", *options]
    started = time.monotonic()
    assert run(*command, "--out", tmp_path / "whole").returncode == 0
    took, r = time.monotonic() - started, random.Random(3)
    kills, early, out, run_folder = {True: 0, False: 0}, 0, tmp_path / "killed", tmp_path / "killed.run"
    while sum(kills.values()) < 20:
        p = subprocess.Popen([zooter, *map(str, command), "--out", out, "--resume"], stderr=subprocess.PIPE)
        time.sleep(r.random() * took / 4)
        while sum(kills.values()) % 2 and p.poll() is None and not being_written(out, run_folder):
            pass
        p.send_signal(signal.SIGKILL)
        p.communicate()
        if p.returncode == 0:                                   # it was done before: once more from the beginning
            early += 1
            assert early < 20
            shutil.rmtree(out)
            continue
        assert p.returncode == -signal.SIGKILL
        kills[bool(being_written(out, run_folder))] += 1
    assert run(*command, "--out", out, "--resume").returncode == 0
    assert kills[True] >= 5, kills
    for file in ("model.safetensors", "config.json"):
        assert (tmp_path / "whole" / file).read_bytes() == (out / file).read_bytes()
    assert tensors(tmp_path / "whole.run" / "last") == tensors(run_folder / "last")
    def known(x):
        return {k: v for k, v in x.items() if k != "seconds"}
    assert [known(x) for x in log(tmp_path / "whole.run")] == [known(x) for x in log(run_folder)]
    assert not being_written(out, run_folder)
    p = run(*command, "--out", out, "--resume")
    assert p.returncode == 0 and "nothing to resume" in p.stderr


def test_a_broken_off_run_is_neither_lost_nor_mixed_up(run, zooter, store, backbones, tmp_path):
    db, out = store(rows()), tmp_path / "r"
    command = ["train", "--store", db, "--encoder", backbones / "bert", "--out", out, "--save-every", "0", *FAST]
    p = subprocess.Popen([zooter, *map(str, command[:-1]), "1000"], stderr=subprocess.DEVNULL)
    while not (tmp_path / "r.run" / "state").exists():
        time.sleep(0.01)
    p.kill()
    p.wait()
    q = run(*command)
    assert q.returncode == 2 and "--resume goes on with it, --force begins anew" in q.stderr
    q = run(*command, "--resume", "--seed", "9")
    assert q.returncode == 2 and "other queries, rewards, settings" in q.stderr
    state = tmp_path / "r.run" / "state"
    state.write_bytes(state.read_bytes()[:-100])
    q = run(*command[:-1], "1000", "--resume")
    assert q.returncode == 1 and "ends too early" in q.stderr
    assert run(*command, "--force").returncode == 0 and not state.exists()


def test_two_runs_do_not_share_a_folder(run, zooter, store, backbones, tmp_path):
    command = ["train", "--store", store(rows(120)), "--encoder", backbones / "bert", "--out", tmp_path / "r", *FAST]
    first = subprocess.Popen([zooter, *map(str, command), "--epochs", "500"], stderr=subprocess.PIPE)
    try:
        while not (tmp_path / "r.run" / "log.jsonl").exists():
            assert first.poll() is None
            time.sleep(0.01)
        for more in ([], ["--resume"], ["--force"]):
            before = (tmp_path / "r.run" / "log.jsonl").stat().st_ino
            p = run(*command, *more)
            assert p.returncode == 2 and f"{tmp_path}/r.run: another process is at work there" in p.stderr, p.stderr
            assert (tmp_path / "r.run" / "log.jsonl").stat().st_ino == before and first.poll() is None
    finally:
        first.kill()
        first.communicate()
    assert run(*command, "--force").returncode == 0


def test_what_does_not_learn_stays(run, store, backbones, tmp_path):
    db, before = store(rows(90)), tensors(backbones / "router")
    for layers, moves in (("head", ()), ("1", ("layer.2.",)), ("all", ("layer.", "embeddings", "encoder.LayerNorm"))):
        out = tmp_path / layers
        assert run("train", "--store", db, "--encoder", backbones / "router", "--out", out, "--layers", layers,
                   *FAST).returncode == 0
        for name, after in tensors(out).items():
            if not name.startswith("classifier"):
                should_move = name.startswith("pooler") or any(m in name for m in moves)
                assert (after != before[name]) == should_move, (layers, name)


def test_experts_that_the_head_knows_keep_their_row(run, store, backbones, tmp_path):
    known = ["vicuna-13b", "newcomer", "wizardlm-13b"]           # numbers 3 and 0 of the folder's head
    items = [{**x, "rewards": dict(zip(known, x["rewards"].values()))} for x in rows(60)]
    p = run("train", "--store", store(items), "--encoder", backbones / "router", "--out", tmp_path / "r", "--rate",
            "1e-9", *FAST[:4])
    assert p.returncode == 0, p.stderr
    assert training(tmp_path / "r")["encoder"]["experts_kept"] == 2
    def head(folder):
        w = tensors(folder)["classifier.weight"]
        return [struct.unpack("<48f", w[i:i + 192]) for i in range(0, len(w), 192)]
    old, new = head(backbones / "router"), head(tmp_path / "r")
    for i, j in ((0, 3), (2, 0)):
        assert new[i] == pytest.approx(old[j], abs=1e-6)


def test_a_router_is_trained_on(run, store, backbones, tmp_path):
    db = store(rows())
    assert run("train", "--store", db, "--encoder", backbones / "bert", "--out", tmp_path / "a", *FAST).returncode == 0
    p = run("train", "--store", db, "--encoder", tmp_path / "a", "--out", tmp_path / "b", *FAST)
    assert p.returncode == 0, p.stderr
    assert training(tmp_path / "b")["encoder"]["experts_kept"] == 3
    first = [[x["mean_loss"] for x in log(tmp_path / f"{n}.run") if "mean_loss" in x][0] for n in "ab"]
    assert first[1] < first[0]


@pytest.mark.parametrize("options", [["--loss", "hard"], ["--loss", "reward"], ["--loss", "reverse"],
                                     ["--schedule", "cosine", "--layer-decay", "0.8"],
                                     ["--batch-tokens", "40"], ["--max-tokens", "8"], ["--standardise"],
                                     ["--precision", "f32"], ["--precision", "bf16"],
                                     ["--patience", "2", "--epochs", "40"]])
def test_options(run, store, backbones, tmp_path, options):
    p = run("train", "--store", store(rows()), "--encoder", backbones / "bert", "--out", tmp_path / "r", *FAST,
            "--rate", "2e-3", *options)
    assert p.returncode == 0, p.stderr
    t = training(tmp_path / "r")
    assert t["validation"]["gain"] > 0
    assert "--patience" not in options or t["encoder"]["epochs_taken"] < 40
    assert "--max-tokens" not in options or t["encoder"]["queries_cut"] > 0


def test_parts_change_the_result_by_rounding_alone(run, store, backbones, tmp_path):
    """A step's queries may go through in any parts: without dropout, gradients add up to the same."""
    config = json.loads((backbones / "bert" / "config.json").read_text())
    shutil.copytree(backbones / "bert", tmp_path / "calm")
    config.update(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    (tmp_path / "calm" / "config.json").write_text(json.dumps(config))
    db = store(rows(90))
    for tokens in ("30", "4096"):
        assert run("train", "--store", db, "--encoder", tmp_path / "calm", "--out", tmp_path / tokens, "--batch-tokens",
                   tokens, "--precision", "f32", *FAST).returncode == 0
    a, b = (json.loads(run("route", "--router", tmp_path / t, "what is the sum of 1 and 17 ?").stdout)["probabilities"]
            for t in ("30", "4096"))
    assert a == pytest.approx(b, abs=2e-3)


def test_a_loss_that_is_no_number_stops(run, store, backbones, tmp_path):
    """A norm whose gain no float can be multiplied by."""
    shutil.copytree(backbones / "bert", tmp_path / "hot")
    data = bytearray((tmp_path / "hot" / "model.safetensors").read_bytes())
    n = int.from_bytes(data[:8], "little")
    at = 8 + n + json.loads(data[8:8 + n])["bert.embeddings.LayerNorm.weight"]["data_offsets"][0]
    data[at:at + 4 * 24] = struct.pack("<f", 3e38) * 24
    (tmp_path / "hot" / "model.safetensors").write_bytes(data)
    p = run("train", "--store", store(rows()), "--encoder", tmp_path / "hot", "--out", tmp_path / "r", *FAST)
    assert p.returncode == 1 and \
        "the loss is no longer a number in epoch 1, after 0 rows (step 1 of 21)" in p.stderr, p.stderr
    assert not (tmp_path / "r").exists()


def test_a_loss_that_is_no_number_later_leaves_the_best_epoch(run, store, backbones, tmp_path):
    """AdamW's steps are as long as the rate says; two of 1e9 are more than float32 multiplies.
    The first epoch's rate is 0 and the highest."""
    command = ["train", "--store", store(rows(60)), "--encoder", backbones / "bert", "--out", tmp_path / "r", "--beta",
               "0.3", "--temperature",
               "0.1", "--decay", "0", "--precision", "f32", "--epochs", "6", "--warm-up", "0.09"]
    p = run(*command, "--rate", "1e9")
    assert p.returncode == 1 and "is no longer a number in epoch 2" in p.stderr and \
        "(step 4 of 12)" in p.stderr, p.stderr
    assert "r.run/best is the router of the best epoch before" in p.stderr and not (tmp_path / "r").exists()
    assert run("route", "--router", tmp_path / "r.run" / "best", "hello").returncode == 0
    p = run(*command, "--rate", "1e-3")
    assert p.returncode == 2 and "--force begins anew" in p.stderr
    assert run(*command, "--rate", "1e-3", "--force").returncode == 0


def test_says_when_it_is_not_better(run, store, backbones, tmp_path):
    p = run("train", "--store", store(rows(shuffled=True)), "--encoder", backbones / "bert", "--out", tmp_path / "r",
            *FAST)
    assert p.returncode == 0, p.stderr
    assert "better than always asking" in p.stderr and "The router is better" not in p.stderr


def test_a_disk_that_is_full(zooter, store, backbones, tmp_path):
    """No file may grow past 400 KiB: neither state nor weights fit."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (400 << 10, 400 << 10))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    db, out = store(rows(60)), tmp_path / "r"
    p = subprocess.run([zooter, "train", "--store", db, "--encoder", backbones / "bert", "--out", out, *FAST],
                       capture_output=True, text=True, preexec_fn=limit, timeout=120)
    assert p.returncode == 1 and "File too large" in p.stderr, p.stderr
    assert not out.exists() and [x for x in tmp_path.rglob("*") if "part" in x.name] == []


@pytest.mark.parametrize("limit", [300 << 10, 470 << 10])
def test_a_disk_that_fills_later(run, zooter, store, backbones, tmp_path, limit):
    """Neither state nor weights fit, or the weights do not. What was written before is as it was,
    and the run goes on from there once there is room."""
    db, run_folder = store(rows(60)), tmp_path / "r.run"
    def limits():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    def files():
        return {x.name: x.read_bytes() for x in [*(run_folder / "best").iterdir(), run_folder / "state"]}
    command = ["train", "--store", db, "--encoder", backbones / "bert", "--save-every", "0", *FAST[:-1], "12"]
    assert run(*command, "--out", tmp_path / "whole").returncode == 0
    p = subprocess.Popen([zooter, *map(str, command), "--out", tmp_path / "r"], stderr=subprocess.DEVNULL)
    while not (run_folder / "best" / "config.json").exists():
        time.sleep(0.005)
    p.kill()
    p.wait()
    before = files()
    p = subprocess.run([zooter, *map(str, command), "--out", tmp_path / "r", "--resume"], capture_output=True,
                       text=True, preexec_fn=limits, timeout=120)
    assert p.returncode == 1 and "File too large" in p.stderr, p.stderr
    after = files()
    assert {k for k in before if after[k] != before[k]} <= ({"state"} if limit > 400 << 10 else set())
    assert run("route", "--router", run_folder / "best", "hello").returncode == 0
    assert run(*command, "--out", tmp_path / "r", "--resume").returncode == 0
    assert (tmp_path / "r" / "model.safetensors").read_bytes() == \
        (tmp_path / "whole" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("rewards, sentence", [
    (lambda r: {}, "none of the 60 queries has a reward"),
    (lambda r: {"only": r["coder"]}, "only one expert, 'only'"),
    (lambda r: {e: r["coder"] for e in r}, "nothing to learn"),
])
def test_rewards_that_teach_nothing(run, store, backbones, tmp_path, rewards, sentence):
    db = store([{**x, "rewards": rewards(x["rewards"])} for x in rows(60)])
    p = run("train", "--store", db, "--encoder", backbones / "bert", "--out", tmp_path / "r")
    assert p.returncode == 1 and sentence in p.stderr, p.stderr
    assert not (tmp_path / "r").exists() and test_train.run_log(db)[0][1] == "failed"


@pytest.mark.parametrize("spoil, sentence", [
    (lambda d: (d / "vocab.txt").unlink() or (d / "tokenizer.json").unlink(),
     "there is no tokenizer.json, spm.model or vocab.txt"),
    (lambda d: (d / "model.safetensors").unlink(), "model.safetensors"),
    (lambda d: (d / "config.json").write_text((d / "config.json").read_text().replace('"vocab_size": 4000',
                                                                                      '"vocab_size": 3000')),
     "of different vocabularies"),
    (lambda d: (d / "config.json").write_text((d / "config.json").read_text().replace('"bert"', '"gpt2"')),
     "model_type 'gpt2' is not supported"),
    (lambda d: (d / "model.safetensors").write_bytes((d / "model.safetensors").read_bytes()[:-4]), "model.safetensors"),
])
def test_encoders_that_are_none(run, store, backbones, tmp_path, spoil, sentence):
    shutil.copytree(backbones / "bert", tmp_path / "spoilt")
    spoil(tmp_path / "spoilt")
    p = run("train", "--store", store(rows(60)), "--encoder", tmp_path / "spoilt", "--out", tmp_path / "r", *FAST)
    assert p.returncode == 1 and sentence in p.stderr, p.stderr
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("options, sentence", [
    (["--precision", "int8"], "--precision 'int8' should be"),
    (["--layers", "some"], "--layers 'some' should be"),
    (["--max-tokens", "600"], "reads at most 512"),
    (["--decay", "10000"], "should be below 1"),
])
def test_wrong_use(run, store, backbones, tmp_path, options, sentence):
    p = run("train", "--store", store(rows(60)), "--encoder", backbones / "bert", "--out", tmp_path / "r", *FAST,
            *options)
    assert p.returncode == 2 and sentence in p.stderr, p.stderr


def test_strange_texts_and_few_rows(run, store, backbones, tmp_path):
    texts = ["", " ", "x" * 100000, "?" * 200, "数学の問題を解いてください", "🤖" * 40, "[PAD] [PAD] [MASK]", "same", "same"]
    items = [{**x, "query": texts[i % len(texts)]} for i, x in enumerate(rows(60))]
    p = run("train", "--store", store(items), "--encoder", backbones / "router", "--out", tmp_path / "r", *FAST)
    assert p.returncode == 0, p.stderr
    p = run("train", "--store", store(rows(3), "few.db"), "--encoder", backbones / "router", "--out", tmp_path / "few",
            *FAST)
    assert p.returncode == 0 and "Too few queries" in p.stderr, p.stderr
    assert os.path.exists(tmp_path / "few" / "model.safetensors")


def test_bench_of_training(run, backbones):
    p = run("model", "bench", backbones / "router", "--train", "--batch", "4", "--tokens", "20", "--seconds", "0.1",
            "--precision", "f32", "--json")
    assert p.returncode == 0, p.stderr
    row = json.loads(p.stdout)
    assert row["train"] and row["batch"] == 4 and row["tokens"] == 20 and row["tokens_per_s"] > 0 and \
        row["peak_mib"] > 0
    assert run("model", "bench", backbones / "router", "--train", "--tokens", "600").returncode == 2
    assert run("model", "bench", backbones / "router", "--batch", "4").returncode == 2
