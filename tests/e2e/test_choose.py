"""Which rows and experts train, eval, collect, reward and export are about: --split, --where, --experts, --without,
--sample; and the sentences where that is nothing, or not what the store has."""
import json
import sqlite3

import pytest

from upstream import Upstream

SPLITS, EXPERTS = ("train", "test", "pool"), ("a", "b", "c")


def row(i):
    return {"id": f"q{i}", "query": f"question {i}", "split": SPLITS[i % 3], "dataset": f"d{i % 2}",
            "subset": f"s{i % 5}",
            "tags": ["level:easy" if i % 4 else "level:hard"], "rewards": {e: float((i + j) % 3) for j,
                                                                           e in enumerate(EXPERTS)}}


ROWS = [row(i) for i in range(120)]

# Options, and which rows they mean.
CHOICES = [
    ([], lambda i: True),
    (["--split", "train"], lambda i: i % 3 == 0),
    (["--split", "train,test"], lambda i: i % 3 < 2),
    (["--split", "train", "--split", "test"], lambda i: i % 3 < 2),
    (["--where", "dataset=d1"], lambda i: i % 2 == 1),
    (["--where", "subset=s1", "--where", "subset=s3"], lambda i: i % 5 in (1, 3)),
    (["--where", "subset=s1", "--where", "level=hard"], lambda i: i % 5 == 1 and i % 4 == 0),
    (["--where", "subset=s1", "--where", "level=easy", "--where", "subset=s2"], lambda i: i % 5 in (1, 2) and i % 4),
    (["--split", "pool,test", "--where", "dataset=d0"], lambda i: i % 3 and i % 2 == 0),
]


def meant(choice):
    return [f"q{i}" for i in range(len(ROWS)) if choice(i)]


@pytest.fixture
def upstream():
    with Upstream() as up:
        yield up


@pytest.fixture
def store(tmp_path, run):
    def make(rows, name="s.db"):
        p = run("import", "--store", tmp_path / name, "-", input="".join(json.dumps(r) + "\n" for r in rows))
        assert p.returncode == 0, p.stderr
        return tmp_path / name
    return make


@pytest.fixture
def config(tmp_path, upstream):
    path = tmp_path / "experts.yaml"
    path.write_text("experts:\n" + "".join("  - " + json.dumps({"name": e, "base_url": upstream.url}) + "\n"
                                           for e in EXPERTS))
    return path


def last_run(path):
    with sqlite3.connect(path) as db:
        command, settings = db.execute("SELECT command, settings FROM runs ORDER BY key DESC LIMIT 1").fetchone()
    return command, json.loads(settings)


def lines(p):
    assert p.returncode == 0, p.stderr
    return [json.loads(line) for line in p.stdout.splitlines()]


def record(options):
    """What a run's record says of the options."""
    said = {}
    for name, value in zip(options[::2], options[1::2]):
        key = name[2:]
        said[key] = f"{said[key]},{value}" if key in said else value
    return said


@pytest.mark.parametrize("options, choice", CHOICES)
def test_rows_are_chosen_alike_everywhere(run, store, config, tmp_path, options, choice):
    path, ids = store(ROWS), meant(choice)
    assert [r["id"] for r in lines(run("export", "--store", path, *options))] == ids
    assert [r["id"] for r in lines(run("export", "--store", path, *options, "--what", "rewards"))] == ids

    p = run("train", "--store", path, "--out", tmp_path / "router", *options)
    assert p.returncode == 0 and f"zooter train: {len(ids)} queries, 3 experts" in p.stderr, p.stderr
    command, settings = last_run(path)
    assert command == "train" and {k: v for k, v in settings.items() if k in ("split", "where")} == record(options)
    training = json.loads((tmp_path / "router" / "config.json").read_text())["zooter"]["training"]
    assert {k: v for k, v in training.items() if k in ("split", "where")} == record(options)

    split = [] if "--split" in options else ["--split", ",".join(SPLITS)]
    assert lines(run("eval", "--store", path, *options, *split, "--json", "-", "--bootstrap", "0"))[0]["queries"] == \
        len(ids)

    assert all(line["answered"] == len(ids) for line in lines(run("collect", "--store", path, "--config", config,
                                                                  *options)))
    assert last_run(path)[0] == "collect" and {k: v for k, v in last_run(path)[1].items()
                                               if k in ("split", "where")} == record(options)
    answered = [r["id"] for r in lines(run("export", "--store", path, "--what", "responses"))]
    assert answered == ids


@pytest.mark.parametrize("options, choice", CHOICES)
def test_answers_are_scored_of_the_rows_that_are_chosen(run, store, options, choice):
    answers = {"grader": "string", "reference": "x", "responses": {"a": "x", "b": "y"}}
    path, ids = store([{**r, "rewards": {}, **answers} for r in ROWS]), meant(choice)
    scored = {line["expert"]: line["rewarded"] for line in lines(run("reward", "--store", path, *options))}
    assert scored == {"a": len(ids), "b": len(ids)}
    assert [r["id"] for r in lines(run("export", "--store", path, "--what", "rewards"))] == ids
    command, settings = last_run(path)
    assert command == "reward" and {k: v for k, v in settings.items() if k in ("split", "where")} == record(options)


@pytest.mark.parametrize("options, left", [
    (["--experts", "a,c"], {"a", "c"}),
    (["--experts", "c", "--experts", "a"], {"a", "c"}),
    (["--without", "b"], {"a", "c"}),
    (["--experts", "a,b,c", "--without", "c"], {"a", "b"}),
])
def test_experts_are_chosen_by_name(run, store, config, upstream, tmp_path, options, left):
    path = store(ROWS)
    assert all(set(r["rewards"]) == left for r in lines(run("export", "--store", path, *options)))

    p = run("train", "--store", path, "--out", tmp_path / "router", *options)
    assert p.returncode == 0, p.stderr
    settings = json.loads((tmp_path / "router" / "config.json").read_text())
    assert set(settings["id2label"].values()) == left
    assert {k: v for k, v in last_run(path)[1].items() if k in ("experts", "without")} == record(options)

    figures, = lines(run("eval", "--store", path, *options, "--json", "-", "--bootstrap", "0"))
    assert {m["name"] for m in figures["methods"] if m["kind"] == "expert"} == left

    assert {line["expert"] for line in lines(run("collect", "--store", path, "--config", config, *options))} == left
    assert set(upstream.asked) == left
    assert all({e["name"] for e in settings["experts"]} == left for settings in [last_run(path)[1]])
    assert {r["expert"] for r in lines(run("export", "--store", path, "--what", "answers", *options))} == left


def expert_means(run, path, *options):
    figures, = lines(run("eval", "--store", path, *options, "--json", "-", "--bootstrap", "0"))
    return {m["name"]: m["over_rows"]["mean"] for m in figures["methods"] if m["kind"] == "expert"}


def test_a_sample_alone_or_the_mean_of_all(run, store, tmp_path):
    """Of sample 1 expert a has 1 and b 0; of sample 2 a has 0 and b 3."""
    rows = [{"id": f"q{i}", "query": f"question {i}", "split": ["train", "test"][i % 2], "rewards": {}}
            for i in range(80)]
    answers = [{"id": f"q{i}", "expert": e, "sample": s, "text": f"{e}{s}", "scores": {"default": score}}
               for i in range(80) for e, s, score in (("a", 1, 1), ("b", 1, 0), ("a", 2, 0), ("b", 2, 3))]
    path = store(rows + answers)
    assert expert_means(run, path, "--sample", "1") == {"a": 1, "b": 0}
    assert expert_means(run, path, "--sample", "2") == {"a": 0, "b": 3}
    assert expert_means(run, path) == {"a": 0.5, "b": 1.5}
    for options, best in (([], "b"), (["--sample", "1"], "a"), (["--sample", "2"], "b")):
        p = run("train", "--store", path, "--split", "train", "--out", tmp_path / "router", "--force", *options)
        assert p.returncode == 0, p.stderr
        assert json.loads(run("route", "--router", tmp_path / "router", "question 3").stdout)["expert"] == best
        assert last_run(path)[1].get("sample") == (int(options[1]) if options else None)
    p = run("eval", "--store", path, "--sample", "3")
    assert p.returncode == 2 and \
        "none of the 40 queries has a reward for sample 3; without --sample, all samples count" in p.stderr
    assert run("train", "--store", path, "--out", tmp_path / "x", "--sample", "0").returncode == 2


COMMANDS = {
    "train": ["--out", "router"], "eval": [], "export": [], "collect": ["--config", "experts.yaml"], "reward": [],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("options, sentence", [
    (["--split", "train,tets"], "no query is in the split 'tets'; there are 'pool', 'test', 'train'"),
    (["--where", "subset=s9"],
     "no query has the tag 'subset=s9'; of the kind 'subset' there are 's0', 's1', 's2', 's3', 's4'"),
    (["--where", "topic=s1"], "no query has a tag of the kind 'topic'; there are 'dataset', 'subset', 'level'"),
    (["--where", "subset"], "a tag to choose by should be KIND=TAG, as subset=mmlu, not 'subset'"),
    (["--where", "=s1"], "should be KIND=TAG"),
    (["--split", "train,,test"], "--split: an empty name"),
    (["--experts", "a,z"], "no expert 'z'"),
    (["--without", "z"], "no expert 'z'"),
])
def test_what_the_store_does_not_have_is_said_with_what_it_has(run, store, config, tmp_path, command, options,
                                                               sentence):
    if command == "reward" and options[0] in ("--experts", "--without"):
        sentence = "unknown option"
    elif options[0] == "--experts" and command != "collect":
        sentence += "; there are 'a', 'b', 'c'"
    path = store(ROWS)
    before = path.read_bytes()
    p = run(command, "--store", path, *COMMANDS[command], *options, cwd=tmp_path)
    assert p.returncode == 2 and sentence in p.stderr and p.stdout == "", p.stderr
    assert path.read_bytes() == before and not (tmp_path / "router").exists()


@pytest.mark.parametrize("command", ["train", "eval", "collect", "reward"])
def test_a_choice_of_nothing_names_its_options(run, store, config, tmp_path, command):
    only = store([{**r, "subset": "s1" if r["split"] == "train" else "s2"} for r in ROWS], "other.db")
    p = run(command, "--store", only, *COMMANDS[command], "--split", "train", "--where", "subset=s2", cwd=tmp_path)
    assert p.returncode == 2 and "no query fits --split train --where subset=s2" in p.stderr, p.stderr


@pytest.mark.parametrize("rows, command, options, sentence", [
    ([], "train", [], "the store holds no query; 'zooter import' reads some"),
    ([], "collect", [], "the store holds no query"),
    ([], "eval", ["--split", "test"], "no query is in the split 'test'; there is none at all"),
    ([{**ROWS[0], "rewards": {}}], "train", [],
     "none of the 1 queries has a reward; 'zooter import' reads rewards, 'zooter collect' asks"),
    ([{**ROWS[0], "rewards": {}}], "reward", [], "there is no answer to score; 'zooter collect' asks the experts"),
    (ROWS[:3:3], "eval", [], "no query is in the split 'test'; --split names another to evaluate on; there is 'train'"),
    (ROWS, "train", ["--without", "a,b,c"], "no expert is left that has a reward; look at --without"),
    (ROWS, "train", ["--without", "a", "--sample", "2"],
     "no expert is left that has a reward; look at --without and --sample"),
    (ROWS, "eval", ["--experts", "a", "--without", "a"],
     "no expert is left that has a reward; look at --experts and --without"),
])
def test_what_is_missing_is_said_with_what_brings_it(run, store, config, tmp_path, rows, command, options, sentence):
    p = run(command, "--store", store(rows), *COMMANDS[command], *options, cwd=tmp_path)
    assert p.returncode in (1, 2) and sentence in p.stderr, p.stderr


def test_a_reward_run_without_answers_leaves_no_reward_model(run, store):
    path = store(ROWS)
    assert run("reward", "--store", path).returncode == 2
    assert {r["reward_model"] for r in lines(run("export", "--store", path, "--what", "rewards"))} == {"default"}
    assert "exact" not in run("store", "info", "--store", path).stdout
    assert run("export", "--store", path).returncode == 0                  # there is still one reward model alone


@pytest.mark.parametrize("command", ["train", "eval"])
def test_data_sets_with_other_experts_are_better_taken_alone(run, store, tmp_path, command):
    rows = [{"id": f"{d}{i}", "query": f"ask {d} {i}", "split": "test", "dataset": d,
             "rewards": {e: (i + j) % 2 for j, e in enumerate(experts)}}
            for d, n, experts in (("small", 30, ["a", "b", "c"]), ("large", 70, ["x", "y"])) for i in range(n)]
    path = store(rows)
    p = run(command, "--store", path, *COMMANDS[command], cwd=tmp_path)
    advice = ("each dataset has other experts, so take one alone: --where 'dataset=large' has most, 70 complete "
              "queries of 2 experts; "
              "or name the experts that count (--experts A,B)")
    assert p.returncode == 2 and advice in p.stderr and "leave" not in p.stderr, p.stderr
    for options in (["--where", "dataset=large"], ["--where", "dataset=small"], ["--experts", "a,b"]):
        assert run(command, "--store", path, *COMMANDS[command], *options, *(["--force"] if command == "train" else []),
                   cwd=tmp_path).returncode == 0
