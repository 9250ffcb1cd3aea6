"""zooter split: shares, copies of a text on one side, rows that come later, and what is refused."""
import collections
import json
import sqlite3

import pytest


def row(i, query=None, split=None, **more):
    return {"id": f"q{i}", "query": query or f"what is {i} times {i + 1}?", "rewards": {},
            **({"split": split} if split else {}), **more}


@pytest.fixture
def store(tmp_path, run):
    def add(rows, name="s.db"):
        p = run("import", "--store", tmp_path / name, "-", input="".join(json.dumps(r) + "\n" for r in rows))
        assert p.returncode == 0, p.stderr
        return tmp_path / name
    return add


def splits(run, store):
    return {r["id"]: r.get("split") for r in map(json.loads, run("export", "--store", store).stdout.splitlines())}


def split(run, store, *options, status=0):
    p = run("split", "--store", store, *options)
    assert p.returncode == status, p.stderr
    return p


def test_seed_and_text_alone_decide(run, store):
    rows = [row(i) for i in range(400)]
    first, other = store(rows, "a.db"), store([{**r, "id": "other-" + r["id"]} for r in reversed(rows)], "b.db")
    split(run, first, "--into", "train=0.7,test=0.3")
    split(run, other, "--into", "train=0.7,test=0.3")
    mine = splits(run, first)
    assert {"other-" + k: v for k, v in mine.items()} == splits(run, other)
    assert 250 <= collections.Counter(mine.values())["train"] <= 310
    store([row(i) for i in range(400, 800)], "a.db")
    split(run, first, "--into", "train=0.7,test=0.3")
    later = splits(run, first)
    assert {k: later[k] for k in mine} == mine and None not in later.values()
    again = store(rows, "c.db")
    split(run, again, "--into", "train=0.7,test=0.3", "--seed", "2")
    assert splits(run, again) != mine


def test_copies_of_a_text_stand_on_one_side(run, store):
    path = store([row(0, "Wer war's?", split="test")] + [row(i, ["WER  WARS", "wer war's ?"][i % 2])
                                                         for i in range(1, 20)])
    p = split(run, path, "--into", "train=1,test=0.000000001")
    assert set(splits(run, path).values()) == {"test"} and "19 queries follow one of the same text" in p.stderr


def test_by_a_kind_shares_are_exact_in_each_tag(run, store):
    path = store([row(i, subset=["large", "small"][i % 10 == 0]) for i in range(1000)])
    p = split(run, path, "--into", "train=0.7,valid=0.1,test=0.2", "--by", "subset")
    got = collections.Counter((["large", "small"][int(k[1:]) % 10 == 0], v) for k, v in splits(run, path).items())
    assert got == {("large", "train"): 630, ("large", "valid"): 90, ("large", "test"): 180,
                   ("small", "train"): 70, ("small", "valid"): 10, ("small", "test"): 20}
    lines = [line.split() for line in p.stdout.splitlines()]
    assert lines[0] == ["subset", "train", "valid", "test", "(stays)"]
    assert ["large", "630", "90", "180", "0"] in lines and ["small", "70", "10", "20", "0"] in lines
    assert ["queries", "700", "100", "200", "0"] in lines and ["new", "700", "100", "200"] in lines
    assert ["new", "0", "0", "0"] in [line.split() for line in split(run, path, "--into",
                                                                     "train=0.7,valid=0.1,test=0.2", "--by",
                                                                     "subset").stdout.splitlines()]


def test_a_part_is_taken_out_of_a_split_and_the_rest_stays(run, store):
    path = store([row(i, split="train" if i < 300 else "test", dataset=["a", "b"][i % 2]) for i in range(400)])
    split(run, path, "--split", "train", "--where", "dataset=a", "--into", "valid=0.2", "--by", "dataset")
    got = collections.Counter((v, int(k[1:]) % 2) for k, v in splits(run, path).items())
    assert got == {("valid", 0): 30, ("train", 0): 120, ("train", 1): 150, ("test", 0): 50, ("test", 1): 50}


def test_trying_changes_nothing_and_a_run_is_noted(run, store):
    path = store([row(i) for i in range(50)])
    before = path.read_bytes()
    p = split(run, path, "--into", "train=0.5", "--dry-run")
    assert "would be new" in p.stdout and path.read_bytes() == before
    split(run, path, "--into", "train=0.5,test=0.25", "--seed", "9")
    with sqlite3.connect(path) as db:
        (command, status, settings, summary), = db.execute("SELECT command, status, settings, summary FROM runs")
    assert (command, status) == ("split", "done")
    assert json.loads(settings) == {"into": {"train": 0.5, "test": 0.25}, "by": None, "seed": 9}
    assert sum(json.loads(summary)["moved"].values()) == collections.Counter(v is not None
                                                                             for v in splits(run, path).values())[True]


@pytest.mark.parametrize("options, words", [
    (["--into", "train=0.7,test=0.4"], "the shares add up to 1.1; 1 is the most"),
    (["--into", "train"], "'train' should be a name and a share, as train=0.7"),
    (["--into", "=0.5"], "a name and a share"),
    (["--into", "train=70%"], "--into train: a share should be above 0 and at most 1, as 0.7, not '70%'"),
    (["--into", "train=0"], "above 0"),
    (["--into", "train=-1"], "above 0"),
    (["--into", "train=nan"], "above 0"),
    (["--into", "train=0.5,train=0.5"], "the part 'train' is named twice"),
    (["--into", "x" * 129 + "=1"], "at most 128 bytes"),
    (["--into", "a\tb=1"], "control character"),
    ([], "--into NAME=SHARE,... is required"),
    (["--into", "train=1", "--split", "pol"], "no query is in the split 'pol'; there is 'pool'"),
    (["--into", "pool=0.5", "--split", "pool"], "is also a part"),
    (["--into", "train=1", "--by", "sub"], "has a tag of the kind 'sub'; there is 'subset'"),
    (["--into", "train=1", "--where", "subset=u"], "of the kind 'subset' there is 's'"),
])
def test_what_makes_no_sense_is_refused_with_a_sentence(run, store, options, words):
    path = store([row(0, split="pool", subset="s"), row(1, subset="s")])
    before = splits(run, path)
    p = run("split", "--store", path, *options)
    assert p.returncode in (1, 2) and splits(run, path) == before
    assert words in p.stderr, p.stderr
    assert p.returncode == (1 if words == "control character" else 2)


def test_nothing_to_divide(run, store):
    path = store([row(0, split="pool")])
    p = split(run, path, "--into", "train=1", status=2)
    assert "there is no query without a split; --split names the splits to divide; there is 'pool'" in p.stderr
