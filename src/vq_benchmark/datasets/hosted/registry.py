"""The table of hosted data sets: where their files are, and what a user should know about them.

Hashes and revisions are given if the host states them. Otherwise the hash (or the revision of a Hugging Face
repository) of the first download is recorded beside the files and checked from then on.
"""

from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.hosted.big_ann import BigAnnFiles
from vq_benchmark.datasets.hosted.cohere import JudgedHubShards
from vq_benchmark.datasets.hosted.hosted_dataset import HostedDataset
from vq_benchmark.datasets.hosted.hub_file import HubFile
from vq_benchmark.datasets.hosted.hub_shards import HubShards
from vq_benchmark.datasets.hosted.url_file import UrlFile

SEE_SOURCE = "not stated with the file; see the source"

_ANN = "Aumüller, Bernhardsson, Faithfull: ANN-Benchmarks, Information Systems 2019"
_ANN_HOME = "https://github.com/erikbern/ann-benchmarks"
_COCO_HOST = "https://github.com/fabiocarrara/str-encoders/releases/download/v0.1.3"
_VIBE = "Jääsaari, Hyvönen, Ceccarello, Roos, Aumüller: VIBE: Vector Index Benchmark for Embeddings, arXiv:2505.17810"
_VIBE_HOME = "https://huggingface.co/datasets/vector-index-bench/vibe"
_DBPEDIA = "Qdrant: DBpedia entities embedded with OpenAI text-embedding-3-large"
_BIG_ANN = "Simhadri et al.: Results of the NeurIPS'21 Challenge on Billion-Scale ANN Search, arXiv:2205.03763"
_BIG_ANN_HOME = "https://big-ann-benchmarks.com"
_FACEBOOK = "https://dl.fbaipublicfiles.com/billion-scale-ann-benchmarks"
_YANDEX = "https://storage.yandexcloud.net/yandex-research/ann-datasets"
_MICROSOFT = "https://comp21storage.z5.web.core.windows.net/comp21/MSFT-TURING-ANNS"

# name, what, n, d, queries, distance, licence, megabytes of the download
_ANN_BENCHMARKS: tuple[tuple[str, str, int, int, int, Distance, str, int], ...] = (
    ("deep-image-96-angular", "CNN features of images (Deep1B)", 9_990_000, 96, 10_000, "cosine", "CC BY 4.0", 3_600),
    ("fashion-mnist-784-euclidean", "images of clothes, as pixels", 60_000, 784, 10_000, "l2", "MIT", 217),
    ("gist-960-euclidean", "GIST descriptors of images", 1_000_000, 960, 1_000, "l2", SEE_SOURCE, 3_600),
    ("glove-25-angular", "GloVe word vectors (Twitter)", 1_183_514, 25, 10_000, "cosine", "PDDL 1.0", 121),
    ("glove-50-angular", "GloVe word vectors (Twitter)", 1_183_514, 50, 10_000, "cosine", "PDDL 1.0", 235),
    ("glove-100-angular", "GloVe word vectors (Twitter)", 1_183_514, 100, 10_000, "cosine", "PDDL 1.0", 463),
    ("glove-200-angular", "GloVe word vectors (Twitter)", 1_183_514, 200, 10_000, "cosine", "PDDL 1.0", 918),
    ("lastfm-64-dot", "matrix factors of music listening", 292_385, 65, 50_000, "cosine", SEE_SOURCE, 135),
    ("mnist-784-euclidean", "images of digits, as pixels", 60_000, 784, 10_000, "l2", SEE_SOURCE, 217),
    ("nytimes-256-angular", "news, projected bags of words", 290_000, 256, 10_000, "cosine", "CC BY 4.0", 301),
    ("sift-128-euclidean", "SIFT descriptors of images", 1_000_000, 128, 10_000, "l2", SEE_SOURCE, 501),
    ("coco-i2i-512-angular", "CLIP, images by image", 113_287, 512, 10_000, "cosine", "CC BY 4.0 (COCO)", 136),
    ("coco-t2i-512-angular", "CLIP, images by caption", 113_287, 512, 10_000, "cosine", "CC BY 4.0 (COCO)", 136),
)

# name, what, n, d, distance; 1,000 queries each
_VIBE_SETS: tuple[tuple[str, str, int, int, Distance], ...] = (
    ("agnews-mxbai-1024-euclidean", "news, mxbai-embed-large", 769_382, 1024, "l2"),
    ("arxiv-nomic-768-normalized", "abstracts, nomic-embed", 1_344_643, 768, "cosine"),
    ("ccnews-nomic-768-normalized", "news, nomic-embed", 495_328, 768, "cosine"),
    ("celeba-resnet-2048-cosine", "faces, ResNet", 201_599, 2048, "cosine"),
    ("coco-nomic-768-normalized", "images by caption, nomic-embed", 282_360, 768, "cosine"),
    ("codesearchnet-jina-768-cosine", "code, jina-embeddings", 1_374_067, 768, "cosine"),
    ("cqadupstack-lemur-2048-ip", "multi-vector forum posts, LEMUR", 457_149, 2048, "ip"),
    ("cqadupstack-muvera-5120-ip", "multi-vector forum posts, MUVERA", 457_149, 5120, "ip"),
    ("dpr-jina-768-normalized", "Wikipedia passages, jina-embeddings", 20_969_760, 768, "cosine"),
    ("glove-200-cosine", "GloVe word vectors", 1_192_514, 200, "cosine"),
    ("gooaq-distilroberta-768-normalized", "questions, DistilRoBERTa", 1_475_024, 768, "cosine"),
    ("hotpotqa-harrier-640-normalized", "passages by question, Harrier", 5_233_329, 640, "cosine"),
    ("imagenet-align-640-normalized", "images by text, ALIGN", 1_281_167, 640, "cosine"),
    ("imagenet-clip-512-normalized", "images, CLIP", 1_281_167, 512, "cosine"),
    ("inaturalist-resnet-2048-cosine", "images, ResNet", 499_000, 2048, "cosine"),
    ("laion-clip-512-normalized", "images by text, CLIP", 1_000_448, 512, "cosine"),
    ("landmark-dino-768-cosine", "images, DINOv2", 760_757, 768, "cosine"),
    ("landmark-nomic-768-normalized", "images, nomic-embed-vision", 760_757, 768, "cosine"),
    ("llama-128-ip", "attention keys and queries, Llama", 256_921, 128, "ip"),
    ("msmarco-qwen-1024-normalized", "MS MARCO passages, Qwen3-Embedding", 8_840_823, 1024, "cosine"),
    ("simplewiki-openai-3072-normalized", "Wikipedia, text-embedding-3-large", 260_372, 3072, "cosine"),
    ("yahoo-minilm-384-normalized", "answers, all-MiniLM", 677_305, 384, "cosine"),
    ("yandex-200-cosine", "images by text (Text2Image)", 1_000_000, 200, "cosine"),
    ("yi-128-ip", "attention keys and queries, Yi", 187_843, 128, "ip"),
)

# name, repository, n, d
_DBPEDIA_SETS = (
    ("dbpedia-100k", "Qdrant/dbpedia-entities-openai3-text-embedding-3-large-1536-100K", 100_000, 1536),
    ("dbpedia-1536", "Qdrant/dbpedia-entities-openai3-text-embedding-3-large-1536-1M", 1_000_000, 1536),
    ("dbpedia-3072", "Qdrant/dbpedia-entities-openai3-text-embedding-3-large-3072-1M", 1_000_000, 3072),
)

# name, what, d, dtype, queries, distance, licence, base, queries, neighbours among all rows, among 100 M, among 10 M
_BIG_ANN_SETS: tuple[tuple[str, str, int, str, int, Distance, str, str, str, str, str, str], ...] = (
    (
        "bigann", "SIFT descriptors of images", 128, "uint8", 10_000, "l2", SEE_SOURCE,
        f"{_FACEBOOK}/bigann/base.1B.u8bin", f"{_FACEBOOK}/bigann/query.public.10K.u8bin",
        f"{_FACEBOOK}/bigann/GT.public.1B.ibin", f"{_FACEBOOK}/GT_100M/bigann-100M", f"{_FACEBOOK}/GT_10M/bigann-10M",
    ),
    (
        "deep", "CNN features of images", 96, "float32", 10_000, "l2", "CC BY 4.0",
        f"{_YANDEX}/DEEP/base.1B.fbin", f"{_YANDEX}/DEEP/query.public.10K.fbin",
        f"{_YANDEX}/deep_new_groundtruth.public.10K.bin", f"{_FACEBOOK}/GT_100M/deep-100M",
        f"{_FACEBOOK}/GT_10M/deep-10M",
    ),
    (
        "msturing", "Bing queries, Turing model", 100, "float32", 100_000, "l2", SEE_SOURCE,
        f"{_MICROSOFT}/base1b.fbin", f"{_MICROSOFT}/query100K.fbin", f"{_MICROSOFT}/query_gt100.bin",
        f"{_MICROSOFT}/msturing-gt-100M", f"{_MICROSOFT}/msturing-gt-10M",
    ),
    (
        "text2image", "images by text, Se-ResNext and DSSM", 200, "float32", 100_000, "ip", "CC BY 4.0",
        f"{_YANDEX}/T2I/base.1B.fbin", f"{_YANDEX}/T2I/query.public.100K.fbin",
        f"{_YANDEX}/t2i_new_groundtruth.public.100K.bin", f"{_FACEBOOK}/GT_100M/text2image-100M",
        f"{_FACEBOOK}/GT_10M/text2image-10M",
    ),
)  # fmt: skip
_BIG_ANN_SIZES = (("", 10**9), ("-100M", 10**8), ("-10M", 10**7))


def _ann_benchmarks() -> list[HostedDataset]:
    return [
        HostedDataset(
            name, what, n, d, "float32", queries, distance, licence, _ANN, _ANN_HOME,
            UrlFile(f"{_COCO_HOST if name.startswith('coco') else 'https://ann-benchmarks.com'}/{name}.hdf5"),
            megabytes * 10**6,
        )
        for name, what, n, d, queries, distance, licence, megabytes in _ANN_BENCHMARKS
    ]  # fmt: skip


def _vibe() -> list[HostedDataset]:
    return [
        HostedDataset(
            name, what, n, d, "float32", 1_000, distance, "that of its source; see the card", _VIBE, _VIBE_HOME,
            HubFile("vector-index-bench/vibe", f"{name}.hdf5"),
        )
        for name, what, n, d, distance in _VIBE_SETS
    ]  # fmt: skip


def _dbpedia() -> list[HostedDataset]:
    return [
        HostedDataset(
            name, "DBpedia entities, OpenAI text-embedding-3-large", n, d, "float64", 0, "cosine",
            "see the card", _DBPEDIA, f"https://huggingface.co/datasets/{repository}",
            HubShards(repository, "data/train-*.parquet", f"text-embedding-3-large-{d}-embedding"),
        )
        for name, repository, n, d in _DBPEDIA_SETS
    ]  # fmt: skip


def _cohere() -> HostedDataset:
    repository = "Cohere/msmarco-v2.1-embed-english-v3"
    return HostedDataset(
        "cohere-msmarco", "MS MARCO v2.1 passages, Cohere Embed English v3", 113_520_750, 1024, "float32", 1_677,
        "cosine", "embeddings Apache 2.0, text under the terms of MS MARCO",
        "Cohere: TREC-RAG 2024 Corpus (MSMARCO 2.1), encoded with Embed English v3",
        f"https://huggingface.co/datasets/{repository}",
        JudgedHubShards(
            HubShards(repository, "passages_parquet/*.parquet", "emb"), "queries_parquet/queries.parquet"
        ),
    )  # fmt: skip


def _big_ann() -> list[HostedDataset]:
    found = []
    for name, what, d, dtype, num_queries, distance, licence, base, queries, *truths in _BIG_ANN_SETS:
        rows = [size for _, size in _BIG_ANN_SIZES]
        files = BigAnnFiles(base, queries, tuple(zip(rows, truths, strict=True)), rows[0])
        found += [
            HostedDataset(
                name + suffix, what if n == rows[0] else f"the first {n:,} rows of {name}", n, d, dtype, num_queries,
                distance, licence, _BIG_ANN, _BIG_ANN_HOME, files,
            )
            for suffix, n in _BIG_ANN_SIZES
        ]  # fmt: skip
    return found


MANIFEST: dict[str, HostedDataset] = {
    hosted.name: hosted for hosted in (*_ann_benchmarks(), *_vibe(), *_dbpedia(), _cohere(), *_big_ann())
}
