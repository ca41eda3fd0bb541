import pytest
from typer.testing import CliRunner

from vq_benchmark.cli import main as program
from vq_benchmark.cli.main import app
from vq_benchmark.results.database import Database


def test_an_empty_database_is_refused_in_one_sentence(tmp_path, monkeypatch, capsys):
    database = Database(tmp_path / "results.db")
    database.put_all([])
    arguments = ["report", "--db-path", str(database.path), "--output", str(tmp_path / "report.html")]
    monkeypatch.setattr("sys.argv", ["vq-benchmark", *arguments])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("vectors", ["many", "0", "1.5", "NaN", "1e99", ""])
def test_an_impossible_number_of_vectors_is_refused(vectors, tmp_path):
    result = CliRunner().invoke(app, ["report", "--db-path", str(tmp_path / "no.db"), "--vectors", vectors])
    assert "must be a whole number of vectors" in str(result.exception)


def test_a_report_is_one_file(make_study, tmp_path):
    database = Database(tmp_path / "results.db")
    database.put_all(make_study().whole)
    output = tmp_path / "sub folder" / "report.html"
    result = CliRunner().invoke(
        app, ["report", "--db-path", str(database.path), "--output", str(output), "--vectors", "8.8M"]
    )
    assert result.exit_code == 0, result.exception
    assert [path.name for path in output.parent.iterdir()] == ["report.html"]
    assert '"vectors":8800000' in output.read_text()
