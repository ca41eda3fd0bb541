"""Scripts that were edited by hand are recognised, kept, and announced."""

from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.studies.slurm.hand_edits import is_edited, replace_script, signed

SCRIPT = "#!/bin/bash\n#SBATCH --time=60\n\nexec true\n"


@given(st.integers(0, len(SCRIPT)), st.characters(codec="utf-8"))
def test_any_edit_is_seen(place, character):
    assert not is_edited(signed(SCRIPT))
    text = signed(SCRIPT)
    place = len(text) - len(SCRIPT) + place
    edited = text[:place] + character + text[place:]
    assert is_edited(edited)


def test_only_edited_scripts_are_kept_and_announced(tmp_path):
    path = tmp_path / "fit.sbatch"
    assert replace_script(path, SCRIPT) == ""
    assert replace_script(path, SCRIPT.replace("60", "90")) == ""
    edited = path.read_text() + "# mine\n"
    path.write_text(edited)
    assert "are kept in 'fit.sbatch.edited'" in replace_script(path, SCRIPT)
    assert (tmp_path / "fit.sbatch.edited").read_text() == edited
    assert path.read_text().startswith("#!/bin/bash\n# Checksum")
    assert len(list(tmp_path.iterdir())) == 2
