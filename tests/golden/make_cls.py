#!/usr/bin/env python3
"""Writes backbone-bin/cls.jsonl beside this file: `cls` of the texts of backbone-bin/expected.jsonl, with dropout off.

    pip install torch transformers; python make_cls.py

The `cls` in expected.jsonl itself were computed in training mode, with dropout on (make.py does not call eval() there), so that
no implementation can agree with them; its token ids hold.
"""
import json
import pathlib

import torch
from transformers import AutoModel

folder = pathlib.Path(__file__).parent / "backbone-bin"
model = AutoModel.from_pretrained(folder).eval()
with open(folder / "cls.jsonl", "w") as out, torch.no_grad():
    for line in (folder / "expected.jsonl").read_bytes().splitlines():
        row = json.loads(line)
        cls = model(torch.tensor([row["ids"]])).last_hidden_state[0, 0]
        print(json.dumps({"text": row["text"], "ids": row["ids"], "cls": [float(f"{x:.9g}") for x in cls.tolist()]}, ensure_ascii=False), file=out)
