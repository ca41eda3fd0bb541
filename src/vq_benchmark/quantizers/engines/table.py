"""The table of engines: one row for each configuration. docs/ENGINES.md says how to check a row again."""

from functools import partial

from vq_benchmark.quantizers.engines.setting import EngineSetting

_MEAN_AND_DEVIATION = "mean and deviation of each dimension"
_OSQ_QUERY = "4 bits, on a grid of its own"
_OSQ_BY_DISTANCE = {
    bits: {
        "cosine": {"parameters": {"bits": bits, "centre": "unit-mean"}},
        "l2": {"parameters": {"bits": bits, "similarity": "l2"}},
    }
    for bits in (1, 2, 4, 7)
}

_azure = partial(
    EngineSetting, "azure", version="documentation of 2026-11", truth="approximation", checked="no"
)  # fmt: skip
_elastic = partial(EngineSetting, "elasticsearch", version="9.4, b2fb21f", learned="mean", query=_OSQ_QUERY)
_faiss = partial(EngineSetting, "faiss", version="1.15.1", query="float32", checked="against the engine")
_lance = partial(EngineSetting, "lancedb", version="lance d2039d7 (2025-11)")
_lucene = partial(EngineSetting, "lucene", version="10.4, feac354", learned="mean", query=_OSQ_QUERY)
_milvus = partial(
    EngineSetting, "milvus", version="knowhere d7cfd88 (2026-08)", query="float32", checked="against the engine"
)  # fmt: skip
_mongodb = partial(EngineSetting, "mongodb", version="mongot d38b926 (2026-06)")
_opensearch = partial(EngineSetting, "opensearch", version="k-NN 9e72325 (2026-08)")
_pgvector = partial(EngineSetting, "pgvector", version="0.8.5, e48241b", checked="against the engine")
_pgvectorscale = partial(EngineSetting, "pgvectorscale", version="0.9.0, 4c04103")
_qdrant = partial(EngineSetting, "qdrant", version="1.19.0, 74f3e85; wheel 0.9.0", checked="against the engine")
_sentence = partial(EngineSetting, "sentence-transformers", version="6.2")
_sqlite = partial(EngineSetting, "sqlite-vec", version="0.1.9", checked="against the engine")
_usearch = partial(EngineSetting, "usearch", version="2.26.6", checked="against the engine")
_vespa = partial(EngineSetting, "vespa", version="1f79d33 (2026-08)")
_weaviate = partial(EngineSetting, "weaviate", version="adcffc5 (2026-08)")

_OPENSEARCH_RERANK = {768: {"rerank": "os=2,least=100"}, 1000: {"rerank": "os=1,least=100"}}
"""Its first pass oversamples less from these dimensions on."""
_QDRANT_CODINGS = {"scalar4": "integers of 4 bits", "scalar8": "integers of 8 bits"}
_ZERO = "a number that is exactly 0 counts as positive there, and as negative here"

SETTINGS: tuple[EngineSetting, ...] = (
    _azure(
        "binary", "other", "binary", reason="the rule is not published; thresholds of 0 are documented",
    ),
    _azure(
        "int8", "default", "sq-dim", {"share": 0.99}, learned="range of each dimension",
        reason="the formula is not published; the documentation speaks of the 99th percentile",
    ),
    _elastic(
        "bbq_hnsw", "default", "osq", {"bits": 1}, rerank="os=3", least_d=64, by_distance=_OSQ_BY_DISTANCE[1],
        reason="it stores 14 bytes beside the bits, and here they are 16",
    ),
    _elastic("int4_hnsw", "other", "osq", {"bits": 4}, multiple_of=2, by_distance=_OSQ_BY_DISTANCE[4]),
    _elastic(
        "int8_hnsw", "recommended", "osq", {"bits": 7}, query="7 bits, on a grid of its own",
        by_distance=_OSQ_BY_DISTANCE[7],
    ),
    _faiss("SQ8", "default", "sq-faiss", {"bits": 8}, learned="range of each dimension"),
    _faiss("SQ4", "other", "sq-faiss", {"bits": 4}, learned="range of each dimension"),
    _faiss(
        "PQ-x8", "recommended", "pq", {"m": "d/2", "nbits": 8}, learned="k-means", truth="approximation",
        reason="k-means starts elsewhere", checked="no",
    ),
    EngineSetting(
        "jvector", "BQ", "default", "binary", version="7cc0249 (2026-08)", distances=("ip", "cosine"),
    ),
    _lance(
        "IVF_HNSW_SQ", "default", "sq-global", {"rounding": "down"}, learned="one range",
        by_distance={
            "ip": {"parameters": {"rounding": "down", "products": "integers"},
                   "reason": "products leave the offsets out, as in the source that was read"},
            "cosine": {"parameters": {"rounding": "down", "products": "distances"}},
        },
    ),
    _lucene("osq-1bit", "default", "osq", {"bits": 1}, by_distance=_OSQ_BY_DISTANCE[1]),
    _lucene("osq-2bit", "other", "osq", {"bits": 2}, by_distance=_OSQ_BY_DISTANCE[2]),
    _lucene("osq-4bit", "other", "osq", {"bits": 4}, by_distance=_OSQ_BY_DISTANCE[4]),
    _lucene(
        "osq-7bit", "recommended", "osq", {"bits": 7}, query="7 bits, on a grid of its own",
        by_distance=_OSQ_BY_DISTANCE[7],
    ),
    EngineSetting(
        "lucene99", "int8", "default", "sq-global", {"bits": 7, "layout": "lucene"}, learned="quantiles",
        version="9.9 to 10.3, c576642", truth="approximation",
        reason="the quantiles are those of the training sample; Lucene has its own sample of each segment",
    ),
    _milvus("IVF_SQ8", "default", "sq-faiss", {"bits": 8}, learned="range of each dimension"),
    _mongodb(
        "binary", "default", "binary", rerank="sqrt=200,from=decoded",
        reason="numCandidates = 200, 20 for each of 10 neighbours",
    ),
    _mongodb(
        "scalar", "recommended", "sq-global", {"bits": 7, "layout": "lucene"}, learned="quantiles",
        truth="approximation", reason="the quantiles are those of the training sample, not of each segment",
    ),
    _opensearch(
        "32x", "default", "osq", {"bits": 1}, learned="mean", query=_OSQ_QUERY, rerank="os=3,least=100",
        by_distance=_OSQ_BY_DISTANCE[1], from_dimension=_OPENSEARCH_RERANK,
    ),
    _opensearch(
        "16x", "other", "thermometer", {"bits": 2, "reach": 1, "deviation": "population"}, rerank="os=3,least=100",
        learned=_MEAN_AND_DEVIATION, from_dimension=_OPENSEARCH_RERANK,
        truth="approximation", reason="learned from the training sample; OpenSearch samples each segment",
    ),
    _opensearch(
        "8x", "other", "thermometer", {"bits": 4, "reach": 1, "deviation": "population"}, rerank="os=3,least=100",
        learned=_MEAN_AND_DEVIATION, from_dimension=_OPENSEARCH_RERANK,
        truth="approximation", reason="learned from the training sample; OpenSearch samples each segment",
    ),
    _opensearch("fp16", "recommended", "sq", {"bits": "fp16"}, query="float32"),
    _pgvector("bit", "default", "binary"),
    _pgvector("bit-rerank", "recommended", "binary", rerank="os=4", reason="the README takes 20 for 5"),
    _pgvector("halfvec", "other", "sq", {"bits": "fp16"}, query_bits="symmetric"),
    _pgvectorscale(
        "sbq", "default", "thermometer", {"bits": 2, "deviation": "population", "align": 8}, rerank="count=50",
        learned=_MEAN_AND_DEVIATION,
        from_dimension={900: {
            "method": "binary", "parameters": {"centre": "mean", "align": 8}, "learned": "mean of each dimension",
        }},
    ),
    _qdrant("int8", "default", "sq-global", {"bits": 7, "layout": "qdrant"}, learned="one range"),
    _qdrant(
        "int8-q99", "recommended", "sq-global", {"bits": 7, "layout": "qdrant", "quantile": 0.99},
        learned="one range",
        reason="beyond 5,000 vectors, Qdrant draws another sample",
    ),
    _qdrant("binary", "default", "binary", {"align": 16}, rerank="os=1"),
    *(
        _qdrant(
            f"binary-1bit-{coding}", "other", "binary", {"align": 16, "queries": coding}, query=query, rerank="os=1",
        )
        for coding, query in _QDRANT_CODINGS.items()
    ),
    *(
        _qdrant(
            f"binary-{bits:g}bit", "other", "thermometer", {"bits": bits, "align": 16}, rerank="os=1",
            learned=_MEAN_AND_DEVIATION,
        )
        for bits in (1.5, 2)
    ),
    *(
        _qdrant(
            f"binary-{bits:g}bit-{coding}", "other", "thermometer", {"bits": bits, "align": 16, "queries": coding},
            query=query, rerank="os=1", learned=_MEAN_AND_DEVIATION,
        )
        for bits in (1.5, 2) for coding, query in _QDRANT_CODINGS.items()
    ),
    EngineSetting(
        "redis", "LVQ4x8", "default", "lvq", {"bits": 4, "bits2": 8}, learned="mean", query="float32",
        version="documentation of 2026-11", truth="approximation",
        reason="LVQ is closed source; here both levels are scored at once; without an Intel CPU Redis takes int8",
        checked="no",
    ),
    EngineSetting(
        "scann", "score_ah", "default", "pq", {"m": "d/2", "nbits": 4}, learned="k-means", query="float32",
        version="scann-core 0.2.1", truth="approximation", checked="against the engine",
        reason="k-means starts elsewhere, and its search rounds lookup tables to 8 bits",
    ),
    _sentence("int8", "default", "int8-symmetric", learned="range of each dimension", rerank="os=2,from=decoded"),
    _sentence("ubinary", "recommended", "binary", rerank="os=2,from=decoded"),
    _sqlite("bit", "other", "binary", multiple_of=8),
    _sqlite(
        "int8", "default", "unit-int8", {"grid": "sqlite-vec", "product": "l2"}, distances=("l2", "cosine"),
        by_distance={"cosine": {"parameters": {"grid": "sqlite-vec", "product": "cosine"}}},
    ),
    *(
        EngineSetting(
            "turbovec", f"{bits}bit", "default" if bits == 4 else "other", "eden", {"bits": bits}, learned="nothing",
            query="float32", version="1.1.2", truth="approximation", checked="against the engine", multiple_of=8,
            reason="it subtracts no mean and stores 4 bytes beside the bits, not 2; recall is compared, not codes",
        )
        for bits in (4, 3, 2)
    ),
    _usearch("b1", "other", "binary"),
    _usearch(
        "i8", "default", "unit-int8", by_distance={"l2": {"parameters": {"product": "l2"}},
                                                   "ip": {"parameters": {"product": "ip"}}},
    ),
    _vespa("binary", "recommended", "binary"),
    _vespa("bfloat16", "default", "bf16-truncated", query="float32"),
    _weaviate("bq", "recommended", "binary", {"align": 8}, rerank="os=8,least=100,most=500", reason=_ZERO),
    _weaviate(
        "sq", "other", "sq-global", {"layout": "weaviate", "rounding": "down"}, learned="one range",
        rerank="count=20",
        reason="learned from the training sample; Weaviate takes up to 100,000 vectors",
    ),
)  # fmt: skip
