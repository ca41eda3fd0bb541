"""The real library with a real model, offline on the CPU."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from vq_benchmark.datasets.text.sentence_encoder import SentenceEncoder
from vq_benchmark.errors import InputError

TEXTS = ["A duck swims on the lake.", "Quarterly revenue rose by five percent.", "Ducklings follow their mother.", ""]


@pytest.fixture(scope="module")
def encoder(packaged_model):
    return SentenceEncoder(str(packaged_model), device="cpu", threads=1)


def test_vectors_are_those_of_the_library(encoder, packaged_model):
    from sentence_transformers import SentenceTransformer

    vectors = encoder.encode(TEXTS, "passage")
    assert vectors.shape == (4, encoder.d) == (4, 384)
    assert vectors.dtype == np.float32
    assert encoder.distance == "cosine"
    direct = SentenceTransformer(str(packaged_model), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(vectors, direct, atol=1e-6)
    ducks, revenue = vectors[0] @ vectors[2], vectors[0] @ vectors[1]
    assert ducks > revenue + 0.2


def test_the_same_batch_has_the_same_vectors(encoder):
    np.testing.assert_array_equal(encoder.encode(TEXTS, "passage"), encoder.encode(TEXTS, "passage"))


def test_prompts_stand_before_texts(packaged_model, encoder):
    prompted = SentenceEncoder(str(packaged_model), device="cpu", threads=1, prompt="A: ", query_prompt="B: ")
    for kind, prompt in (("passage", "A: "), ("query", "B: ")):
        by_hand = encoder.encode([prompt + text for text in TEXTS], kind)
        np.testing.assert_allclose(prompted.encode(TEXTS, kind), by_hand, atol=1e-6)
    assert encoder.prompts == {"passage": "", "query": ""}


def test_prompts_and_similarity_that_the_model_states(packaged_model, tmp_path):
    shutil.copytree(packaged_model, tmp_path / "model")
    stated = {"prompts": {"query": "query: ", "passage": "passage: "}, "similarity_fn_name": "dot"}
    (tmp_path / "model" / "config_sentence_transformers.json").write_text(json.dumps(stated))
    encoder = SentenceEncoder(str(tmp_path / "model"), device="cpu", threads=1)
    assert encoder.prompts == {"passage": "passage: ", "query": "query: "}
    assert encoder.distance == "ip"


def test_the_revision_is_that_of_the_files_wherever_they_are(packaged_model, encoder, tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(packaged_model, copy)
    (copy / "README.md").write_text("for people")
    assert SentenceEncoder(str(copy), device="cpu").revision == encoder.revision
    (copy / "1_Pooling" / "config.json").write_text(
        '{"word_embedding_dimension": 384, "pooling_mode_cls_token": true}'
    )
    assert SentenceEncoder(str(copy), device="cpu").revision != encoder.revision


@pytest.mark.parametrize(
    ("model", "folder", "variables"),
    [
        ("somebody/some-model", "hub/models--somebody--some-model", {}),
        ("short", "models/models--sentence-transformers--short", {"SENTENCE_TRANSFORMERS_HOME": "models"}),
    ],
)
def test_a_model_of_the_hub_is_known_by_its_commit(packaged_model, tmp_path, model, folder, variables):
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / folder
    shutil.copytree(packaged_model, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    code = (
        "from vq_benchmark.datasets.text.sentence_encoder import SentenceEncoder\n"
        f"encoder = SentenceEncoder({model!r}, device='cpu')\n"
        "print(encoder.revision, encoder.d)"
    )
    environment = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "PATH": ""}
    environment |= {name: str(tmp_path / value) for name, value in variables.items()}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert ran.stdout.split() == [commit, "384"], ran.stderr


@pytest.mark.parametrize(
    ("model", "options", "word"),
    [("no/such-model", {}, "no/such-model"), (None, {"device": "quantum"}, "quantum")],
)
def test_models_and_devices_that_are_not_there(packaged_model, monkeypatch, model, options, word):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=word) as refused:
        SentenceEncoder(model or str(packaged_model), **options)
    assert "\n" not in str(refused.value)
