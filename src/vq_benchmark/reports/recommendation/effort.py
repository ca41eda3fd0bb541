"""What a search measured, and what it ruled out without measuring all of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vq_benchmark.machine.wording import number_of
from vq_benchmark.reports.labels import rounded, short_names
from vq_benchmark.studies.recommending.search import Configuration, Search


@dataclass(frozen=True)
class Effort:
    """A finished search, and the rows that it looked at."""

    search: Search
    n: int
    part: int
    """Rows of the part that was measured first."""
    seeds: int
    new_rows: int
    """Rows that this call measured; the others were measured before."""

    @cached_property
    def names(self) -> dict[Configuration, str]:
        """Short names of the configurations."""
        if self.engines:
            return {each: each.label for each in self.search.grid}
        configs = [(each.method, {} if each.cell is None else each.cell.config) for each in self.search.grid]
        return dict(zip(self.search.grid, short_names(configs), strict=True))

    @property
    def engines(self) -> int:
        """The engines whose settings were searched; 0 if it was methods."""
        cells = [each.cell for each in self.search.grid if each.cell is not None]
        return len({cell.engine.partition(":")[0] for cell in cells if cell.engine})

    @property
    def methods(self) -> int:
        """The methods that were searched."""
        return len({each.method for each in self.search.grid})

    @property
    def passes(self) -> float:
        """The rows behind the answer, of all cells together, in passes over the base."""
        return (len(self.search.parts) * self.part / self.n + len(self.search.wholes)) * self.seeds

    @property
    def passes_of_a_sweep(self) -> int:
        """The passes of a sweep over the same configurations."""
        return len(self.search.grid) * self.seeds

    def facts(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "configurations": len(self.search.grid),
            "measured": [self.names[each] for each in self.search.wholes],
            "measured_on_part": [self.names[each] for each in self.search.parts],
            "part_rows": self.part if self.search.parts else None,
            "part_is_trusted": self.search.part_is_trusted,
            "passes": rounded(self.passes),
            "passes_of_a_sweep": self.passes_of_a_sweep,
            "new_passes": rounded(self.new_rows / self.n),
            "failed": sorted(self.names[each] for each in self.search.failed),
        }

    def sentences(self) -> list[str]:
        """What a reader should know about how the answer was found."""
        search = self.search
        of_methods = f"{number_of(len(search.grid), 'configuration')} of {number_of(self.methods, 'method')}"
        if self.engines:
            of_methods = f"{number_of(len(search.grid), 'setting')} of {number_of(self.engines, 'engine')}"
        measured = f"measured {len(search.wholes)} on all {self.n:,} vectors"
        if search.parts:
            measured += f" and {len(search.parts)} on the first {self.part:,}"
        reused = self.passes - self.new_rows / self.n
        passes = f"{self.passes:.1f} passes over the base instead of {self.passes_of_a_sweep}"
        before = f", {reused:.1f} of them measured before" if reused > 0.05 else ""
        said = [f"The search considered {of_methods} and {measured}: {passes}{before}."]
        if not search.best_that_fits:
            said.append(self._by_part())
        if not search.part_is_trusted:
            said.append(
                "A configuration had more recall on all vectors than on the first ones, so these are not typical and "
                "rule nothing out."
            )
        if search.failed:
            said.append(f"Failed: {', '.join(sorted(self.names[each] for each in search.failed))}.")
        return [each for each in said if each]

    def _by_part(self) -> str:
        """Which configurations were ruled out on the part alone: the largest of each method."""
        search = self.search
        ruled_out: dict[str, Configuration] = {}
        for each in search.grid:
            evidence = search.evidence(each)
            if evidence is not None and evidence.level == "part":
                largest = ruled_out.get(each.method, each)
                ruled_out[each.method] = max(largest, each, key=lambda other: other.code_bytes)
        if not ruled_out:
            return ""
        shown = ", ".join(self.names[each] for each in ruled_out.values())
        smaller = "" if self.engines else ", with all smaller codes of the same method"
        return f"Ruled out by the first {self.part:,} vectors{smaller}: {shown}."
