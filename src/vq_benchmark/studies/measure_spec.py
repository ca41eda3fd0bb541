"""How configurations are measured: one field for each option, from which all that users can write is made."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from vq_benchmark.evaluation.ground_truths.ground_truth import DEFAULT_K
from vq_benchmark.evaluation.metric_records import RERANKED_K
from vq_benchmark.evaluation.query_coding import QueryBits
from vq_benchmark.evaluation.second_stage import SecondStage, canonical
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.machine.locations import input_path
from vq_benchmark.machine.validation import Spec

DEFAULT_TRAIN_SIZE = 20_000


class MeasureSpec(Spec):
    """What is measured, and on how much.

    The options of the command line and the keys of a study file are these fields. Every field is part of the identity
    of a row, except those that `studies/identity.py` lists.
    """

    train_size: int = Field(DEFAULT_TRAIN_SIZE, ge=1, description="Vectors to train on, sampled from the whole data.")
    k: int = Field(DEFAULT_K, ge=1, description="Neighbours per query: the depth of recall and rank distortion.")
    max_candidates: int = Field(PassSettings.max_candidates, ge=1, description="Best rows kept per query (R).")
    num_pairs: int = Field(
        PassSettings.num_pairs, ge=0, description="Pairs of vectors for score and distance errors."
    )
    rerank: Annotated[str, AfterValidator(canonical)] = Field(
        PassSettings.rerank,
        description="What a second stage scores candidates with: exact, float16, int8 or decoded; and how many of "
        "them: os=3,from=float16, also count=50 or sqrt=200, with least=100.",
    )
    target_recall: float = Field(
        PassSettings.target_recall,
        gt=0,
        le=1,
        description="Share of the true top 10 that enough re-ranked candidates hold.",
    )
    ground_truth_path: Path | None = Field(
        None, description="Exact neighbours: a file of `precompute-gt`, or as published in any format."
    )
    skip_ground_truth: bool = Field(False, description="Search no exact neighbours and measure no recall.")
    slow: bool = Field(False, description="Allow training that takes more than ten minutes.")
    with_recall: bool = Field(True, validate_default=True, description="Measure recall; needs exact neighbours.")
    with_pairwise: bool = Field(True, description="Measure pairwise distortion.")
    with_rank: bool = Field(True, description="Measure rank distortion.")
    with_qps: bool = Field(
        False, description="Measure the throughput of the fastest search of the codes; holds all of them in memory."
    )

    @field_validator("with_recall")
    @classmethod
    def _no_recall_without_truth(cls, value: bool, info: ValidationInfo) -> bool:
        """`skip_ground_truth` turns `with_recall` off, so that only the one need be looked at."""
        return value and not info.data.get("skip_ground_truth", False)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.skip_ground_truth and self.ground_truth_path is not None:
            raise ValueError("give either --ground-truth-path or --skip-ground-truth, not both")
        if self.k > self.max_candidates:
            raise ValueError(f"--k is {self.k}; it must be at most --max-candidates, which is {self.max_candidates}")
        if self.rerank != "exact" and not self.with_recall:
            raise ValueError(
                f"--rerank {self.rerank} needs recall; leave out --skip-ground-truth and --no-with-recall"
            )
        stage, k = SecondStage.parse(self.rerank), min(self.k, RERANKED_K)
        if stage.has_rule and stage.first(k) > self.max_candidates:
            raise ValueError(
                f"--rerank {self.rerank} scores {stage.first(k)} candidates for {k} neighbours, but "
                f"--max-candidates keeps {self.max_candidates}; raise it"
            )
        if self.with_qps and not self.with_recall:
            raise ValueError(
                "--with-qps needs recall: throughput is meaningless without the recall of the same index; leave out "
                "--skip-ground-truth and --no-with-recall"
            )
        return self

    def given(self) -> dict[str, Any]:
        """The values that are no defaults, as JSON; the path is absolute."""
        values = self.model_dump(mode="json", exclude_defaults=True)
        path = self.ground_truth_path
        return values if path is None else values | {"ground_truth_path": str(input_path(path).absolute())}

    def pass_settings(self, seed: int, query_bits: QueryBits = "float") -> PassSettings:
        """What one pass over the base measures."""
        return PassSettings(
            max_candidates=self.max_candidates,
            num_pairs=self.num_pairs,
            seed=seed,
            with_scores=self.with_recall,
            with_pairwise=self.with_pairwise,
            with_rank=self.with_rank,
            query_bits=query_bits,
            rerank=self.rerank,
            target_recall=self.target_recall,
        )
