"""zooter train --encoder under a real mpirun: the same losses as one process, the same bytes again, a rank killed,
ranks that do not fit together."""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest

import test_train
import test_train_encoder
from test_train import rows, training
from test_train_encoder import log, tensors

store = test_train.store
backbones = test_train_encoder.backbones
FIXED = ["--beta", "0.3", "--temperature", "0.1", "--rate", "1e-3"]
ENV = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
       "OMPI_MCA_hwloc_base_binding_policy": "none", "OMPI_MCA_btl": "self,vader"}


@pytest.fixture
def mpirun(zooter):
    """mpirun([args of rank 0...], [args of rank 1...], ...) -> Popen; mpirun(args, n=2): the same for all."""
    if not shutil.which("mpirun"):
        pytest.skip("needs mpirun")
    if not (pathlib.Path(zooter).parent / "zooter-mpi.so").exists():
        pytest.skip("needs a build with MPI")
    # What MPI itself holds to the end is none of ours.
    env = {**os.environ, **ENV, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}

    def start(*args, n=None):
        groups = [["-n", "1" if n is None else str(n), zooter, *map(str, a)] for a in args]
        command = [word for g in groups for word in [":", *g]][1:]
        return subprocess.Popen(["mpirun", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=env)
    return start


def finish(p, timeout=120):
    p.out, p.err = p.communicate(timeout=timeout)
    assert "Sanitizer" not in p.err, p.err
    return p


def ranks_of(p):
    """{rank: pid} of the processes that this mpirun has started."""
    found = {}
    for pid in map(int, (x for x in os.listdir("/proc") if x.isdigit())):
        try:
            parent = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
            env = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        rank = [x for x in env if x.startswith(b"OMPI_COMM_WORLD_RANK=")]
        if parent == p.pid and rank:
            found[int(rank[0].split(b"=")[1])] = pid
    return found


def losses(folder):
    return [x["loss"] for x in log(folder) if "norm" in x]


@pytest.mark.parametrize("name,options", [("bert", []), ("router", ["--batch-tokens", "30", "--balance", "none"]),
                                          ("bert", ["--layers", "head"]), ("bert", ["--layers", "1"])])
def test_losses_are_those_of_one_process(run, mpirun, store, backbones, tmp_path, name, options):
    """Fifty steps with dropout: its coins are those of a query's place in the step, whoever computes it."""
    command = ["train", "--store", store(rows(60)), "--encoder", backbones / name, "--epochs", "4", "--batch", "4",
               "--threads", "1", *FIXED, *options]
    assert run(*command, "--out", tmp_path / "one").returncode == 0
    p = finish(mpirun([*command, "--out", tmp_path / "two"], n=2))
    assert p.returncode == 0, p.err
    assert "The router is" in p.err and p.err.count("zooter train: wrote") == 1 and p.out == ""
    one, two = losses(tmp_path / "one.run"), losses(tmp_path / "two.run")
    assert len(one) == len(two) >= 50 and one[:50] == pytest.approx(two[:50], abs=1e-3) and max(one) - min(one) > 0.02
    # sums in another order: the ranks did share the work
    assert tensors(tmp_path / "one") != tensors(tmp_path / "two")
    assert [x["tokens"] for x in log(tmp_path / "one.run")] == [x["tokens"] for x in log(tmp_path / "two.run")]
    assert sorted(f.name for f in (tmp_path / "two.run").iterdir() if "curves" not in f.name) == ["last", "log.jsonl"]


def test_the_same_ranks_give_the_same_bytes(mpirun, store, backbones, tmp_path):
    """Three ranks, also where the last step of an epoch has but two rows."""
    db = store(rows(111))
    for name, threads in (("a", 1), ("b", 2)):
        p = finish(mpirun(["train", "--store", db, "--encoder", backbones / "router", "--out", tmp_path / name,
                           "--epochs", "3", "--batch", "49", "--threads", threads, *FIXED], n=3))
        assert p.returncode == 0, p.err
    assert tensors(tmp_path / "a") == tensors(tmp_path / "b")
    assert training(tmp_path / "a")["encoder"]["epochs_taken"] == 3


def test_a_rank_dies_and_the_run_goes_on_to_the_same_bytes(mpirun, store, backbones, tmp_path):
    command = ["train", "--store", store(rows(120)), "--encoder", backbones / "bert", "--epochs", "6", "--save-every",
               "0", "--batch", "8", "--threads", "1", *FIXED]
    assert finish(mpirun([*command, "--out", tmp_path / "whole"], n=2)).returncode == 0
    r, kills = random.Random(5), 0
    for attempt in range(30):
        p = mpirun([*command, "--out", tmp_path / "killed", *(["--resume"] if attempt else [])], n=2)
        state, began = tmp_path / "killed.run" / "state", time.monotonic()
        before = state.stat().st_mtime_ns if state.exists() else 0
        while p.poll() is None and kills < 2 and (not state.exists() or state.stat().st_mtime_ns == before) and \
            time.monotonic() < began + 60:
            time.sleep(0.002)
        victim = ranks_of(p).get(kills % 2) if kills < 2 else None
        if victim:
            time.sleep(r.random() / 50)
            os.kill(victim, signal.SIGKILL)
            killed = time.monotonic()
        finish(p)
        if p.returncode == 0:
            break
        kills += 1
        assert victim and time.monotonic() - killed < 10, p.err
        assert f"rank {(kills - 1) % 2}" in p.err and "Killed" in p.err
        assert kills % 2 or "--resume goes on" in p.err         # rank 0 lives and says how
    assert p.returncode == 0 and kills >= 2
    assert tensors(tmp_path / "whole") == tensors(tmp_path / "killed")
    assert tensors(tmp_path / "whole.run" / "last") == tensors(tmp_path / "killed.run" / "last")

    def known(x):
        return {k: v for k, v in x.items() if k != "seconds"}
    assert [known(x) for x in log(tmp_path / "whole.run")] == [known(x) for x in log(tmp_path / "killed.run")]


@pytest.mark.parametrize("other,sentence", [("queries", "rank 1 has other queries, or another tokenizer, than rank 0"),
                                            ("rewards", "rank 1 has other rewards or tags than rank 0"),
                                            ("encoder", "rank 1 has another encoder than rank 0"),
                                            ("clip", "rank 1 has other settings than rank 0"),
                                            ("beta", "rank 1 has another --beta or --temperature"),
                                            ("program", "rank 1 has another zooter than rank 0"),
                                            ("missing", "rank 1: ")])
def test_ranks_that_do_not_fit_together_are_refused(zooter, mpirun, store, backbones, tmp_path, other, sentence):
    items = list(rows(90))
    db, first = store(items), ["--encoder", backbones / "bert", *FIXED]
    second, db2 = list(first), db
    if other == "queries":
        db2 = store([{**items[0], "query": "another one"}, *items[1:]], "t.db")
    elif other == "rewards":
        db2 = store([{**x, "rewards": {e: 1 - v for e, v in x["rewards"].items()}} for x in items], "t.db")
    elif other == "encoder":
        shutil.copytree(backbones / "bert", tmp_path / "other")
        data = bytearray((tmp_path / "other" / "model.safetensors").read_bytes())
        n = int.from_bytes(data[:8], "little")
        at = 8 + n + json.loads(data[8:8 + n])["bert.embeddings.LayerNorm.weight"]["data_offsets"][0]
        data[at] ^= 1
        (tmp_path / "other" / "model.safetensors").write_bytes(data)
        second[1] = tmp_path / "other"
    elif other == "clip":
        second += ["--clip", "0.5"]
    elif other == "beta":
        second[3] = "0.4"
    elif other == "missing":
        db2 = tmp_path / "none.db"
    tail = ["--out", tmp_path / "r"]
    p = mpirun(["train", "--store", db, *first, *tail],
               ["train", "--store", db2, *second, *tail]) if other != "program" else None
    if other == "program":
        shutil.copy(zooter, tmp_path / "zooter")
        shutil.copy(pathlib.Path(zooter).parent / "zooter-mpi.so", tmp_path)
        with open(tmp_path / "zooter", "ab") as f:
            f.write(b"\0")
        env = {**os.environ, **ENV, "ASAN_OPTIONS": "detect_leaks=0"}
        p = subprocess.Popen(["mpirun", "-n", "1", zooter, *map(str, ["train", "--store", db, *first, *tail]), ":",
                              "-n", "1", tmp_path / "zooter", *map(str, ["train", "--store", db, *first, *tail])],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    finish(p)
    assert p.returncode in (1, 2) and p.err.count(sentence) == 1, p.err
    assert not (tmp_path / "r").exists() and not (tmp_path / "r.run" / "state").exists()


def test_what_every_rank_is_told_wrongly_is_said_once(mpirun, store, tmp_path):
    p = finish(mpirun(["train", "--store", store(rows(90)), "--encoder", tmp_path / "nothing", "--out", tmp_path / "r"],
                      n=3))
    assert p.returncode in (1, 2) and p.err.count("zooter train: ") == 1, p.err
    p = finish(mpirun(["train", "--store", tmp_path / "s.db", "--out", tmp_path / "r"], n=2))
    assert p.returncode == 2 and p.err.count("start it without mpirun, or give --encoder DIR") == 1, p.err


def test_without_mpi_it_says_what_is_missing(zooter, run, store, backbones, tmp_path):
    db = store(rows(60))
    shutil.copy(zooter, tmp_path / "zooter")
    command = [tmp_path / "zooter", "train", "--store", db, "--encoder", backbones / "bert", "--out", tmp_path / "r",
               *FIXED]
    for world in ({"OMPI_COMM_WORLD_SIZE": "2"}, {"PMI_SIZE": "4"}, {"PMIX_RANK": "0"}):
        p = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **world}, timeout=60)
        assert p.returncode == 2 and "zooter was built without MPI: install one (on Debian: " \
            "apt install libopenmpi-dev openmpi-bin)" in p.stderr, p.stderr
    (tmp_path / "zooter-mpi.so").write_bytes(b"not a library")
    p = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PMI_SIZE": "2"}, timeout=60)
    assert p.returncode == 2 and "zooter-mpi.so does not open" in p.stderr
    p = subprocess.run([*command, "--epochs", "1"], capture_output=True, text=True,
                       env={**os.environ, "OMPI_COMM_WORLD_SIZE": "1"}, timeout=60)
    assert p.returncode == 0, p.stderr
