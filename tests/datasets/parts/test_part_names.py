"""What names say: the parts of data sets as the field names them, and what is no part."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.datasets.parts.part_names import NOUNS, SPLITS, UNUSED, VECTORS, Fit, naming, words_of

TEXT = (Path(__file__).parents[3] / "docs" / "DATASETS.md").read_text(encoding="utf-8")
WORD_OF = [(part, word) for names in (NOUNS, SPLITS) for part, words in names.items() for word in words]


@pytest.mark.parametrize(
    ("names", "part"),
    [
        ("base train database corpus passages docs xb sift_base base.1B base_vectors train-00000-of-00026", "base"),
        ("shuffle_train X_train trainVectors corpus_embeddings doc_emb test_base docs_test img_emb_12", "base"),
        ("query queries test eval xq sift_query query.public.100K query_vectors test-00000-of-00001", "queries"),
        ("X_test title_queries passage_query queries.dev testVectors test0", "queries"),
        ("learn sift_learn xt calibration learn_vectors", "learn"),
        ("neighbors neighbours groundtruth ground_truth gt gnd knn sift_groundtruth test_neighbors", "neighbors"),
        ("groundtruth.neighbors neighbors_id GroundTruth ids indices gt100 neighbors_head_1p", "neighbors"),
        ("distances groundtruth.distances neighbors_dist train_labels y_train query_ids doc_id metadata", None),
        ("learn_neighbors train_neighbors query.learn.50M queries_train scalar_labels titles val validation", None),
        ("a foo part-00001 shard_7 data-00000-of-00002 2024 v2", None),
    ],
)
def test_names(names, part):
    assert {name: naming(name).part for name in names.split()} == dict.fromkeys(names.split(), part)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("train", "shuffle_train"),
        ("neighbors", "neighbors_head_1p"),
        ("neighbors", "ids"),
        ("sift_base", "embeddings"),
        ("embeddings", "title_embeddings"),
        ("title_embeddings", "a"),
    ],
)
def test_some_names_fit_better(better, worse):
    assert naming(better).fit < naming(worse).fit


@given(
    named=st.sampled_from(WORD_OF),
    prefix=st.sampled_from(["", "sift_", "deep-", "my data "]),
    suffix=st.sampled_from(["", "_vectors", "-00003-of-00009", ".12", "_emb", "7"]),
    upper=st.booleans(),
)
def test_prefixes_suffixes_and_numbers_leave_the_part(named, prefix, suffix, upper):
    part, word = named
    found = naming(prefix + (word.upper() if upper else word) + suffix)
    assert found.part == part and found.fit <= Fit.DECORATED
    assert (found.fit == Fit.EXACT) == (prefix == "")


@given(st.text(max_size=40))
def test_any_name_says_one_thing(name):
    found = naming(name)
    assert not (found.part and found.reason)
    assert (found.fit == Fit.UNNAMED) == (found.part is None)


def test_numbers_count_shards_but_sizes_and_versions_are_words():
    assert words_of("train-00003-of-00026") == words_of("train-00004-of-00026") == ["train", "of"]
    assert words_of("part12") == words_of("part3") == ["part"]
    assert len({tuple(words_of(name)) for name in ("base.10M", "base.1M", "base_v1", "base_v2")}) == 4


def test_the_table_of_names_is_documented():
    table = TEXT.split("<!-- names of parts: begin -->")[1].split("<!-- names of parts: end -->")[0]
    for words in (*NOUNS.values(), *SPLITS.values(), VECTORS, *UNUSED.values()):
        assert [word for word in words if f"`{word}`" not in table] == []
