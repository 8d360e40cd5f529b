"""Tiny ONNX models with tiny tokenizers, made on the spot: no weights can be downloaded where tests run.

The vocabulary has a token for each topic word, English and Chinese alike, so that both mean the same to the models.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
TOPICS = [("warranty", "保修"), ("gateway", "网关"), ("holiday", "假期"), ("travel", "差旅"), ("query:", "passage:")]
DIMENSIONS = len(TOPICS) + 1


def tokenizer(folder: Path, *, length: int = 64) -> None:
    words = SPECIAL + [word for topic in TOPICS for word in topic]
    built = Tokenizer(models.WordPiece({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    chinese = "|".join(word for topic in TOPICS for word in topic)
    built.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(chinese), "isolated"), pre_tokenizers.WhitespaceSplit()]
    )
    built.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    built.save(str(folder / "tokenizer.json"))
    config = {"model_max_length": length, "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")


def embedder(
    folder: Path, *, file: str = "model.onnx", pooled: bool = False, dimensions: int = DIMENSIONS, words: bool = True
) -> Path:
    """Two layers: a table of token vectors, one direction a topic, and a linear map; pooled here or by the reader.

    Without `words` the table ends before them: a text that holds one makes the model fail.
    """
    tokenizer(folder)
    table = np.zeros((len(SPECIAL) + 2 * len(TOPICS), dimensions), dtype=np.float32)
    table[:, -1] = 0.01  # whatever has no topic
    for n in range(len(TOPICS)):
        table[len(SPECIAL) + 2 * n : len(SPECIAL) + 2 * n + 2, n % dimensions] = 1.0
    if not words:
        table = table[: len(SPECIAL)]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["tokens"]),
        helper.make_node("MatMul", ["tokens", "linear"], ["last_hidden_state"]),
    ]
    shape: list[str | int] = ["batch", "length", dimensions]
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, shape)]
    weights = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(2 * np.eye(dimensions, dtype=np.float32), "linear"),
    ]
    if pooled:
        nodes.append(helper.make_node("ReduceMean", ["last_hidden_state", "axes"], ["sentence_embedding"], keepdims=0))
        weights.append(numpy_helper.from_array(np.array([1], dtype=np.int64), "axes"))
        outputs.append(helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", dimensions]))
    return _save(folder, file, nodes, outputs, weights)


def cross_encoder(folder: Path, *, file: str = "model.onnx") -> Path:
    """The logit is how often tokens of the topic `warranty` stand in the pair, less 2.5."""
    tokenizer(folder)
    table = np.zeros((len(SPECIAL) + 2 * len(TOPICS), 1), dtype=np.float32)
    table[len(SPECIAL) : len(SPECIAL) + 2] = 1.0
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["tokens"]),
        helper.make_node("ReduceSum", ["tokens", "axes"], ["sum"], keepdims=0),
        helper.make_node("Sub", ["sum", "bias"], ["logits"]),
    ]
    weights = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axes"),
        numpy_helper.from_array(np.array(2.5, dtype=np.float32), "bias"),
    ]
    return _save(
        folder, file, nodes, [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])], weights
    )


def _save(folder: Path, file: str, nodes: list, outputs: list, weights: list) -> Path:  # type: ignore[type-arg]
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / file))
    return folder
