"""The tutorial's code prints what the text shows, and both languages have the same code, formulas and pictures."""

import codeop
import contextlib
import io
import re
from pathlib import Path

import pytest
import scripts

ROOT = Path(__file__).parent.parent
TUTORIAL = ROOT / "docs/tutorial"
CHAPTERS = sorted(path.name for path in TUTORIAL.glob("[0-9]*.md"))
PAGES = ["README.md", *CHAPTERS]
BOTH = [*PAGES, *(f"zh/{name}" for name in PAGES)]
NUMBER = r"-?\d+(?:\.\d*)?(?:e[+-]\d+)?"


def text_of(page):
    return (TUTORIAL / page).read_text(encoding="utf-8")


def blocks_of(text):
    """(language, content, what follows at once: the content of a text block, or None) of each fenced block."""
    found = re.finditer(r"^```(\w+)\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", text, flags=re.MULTILINE | re.DOTALL)
    return [match.groups() for match in found]


def fences_of(text):
    return re.findall(r"^```\w*\n.*?^```$", text, flags=re.MULTILINE | re.DOTALL)


def unfenced(text):
    return re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL).replace("\n", " ")


def prose_of(text):
    """Without blocks and code in a line, in which brackets are not links."""
    return re.sub(r"`[^`]*`", "", unfenced(text))


def spans_of(text):
    """Names, calls and formulas that stand in backticks in a line."""
    return set(re.findall(r"`([^`]+)`", unfenced(text)))


def rows_of(text):
    """The cells of each row of the tables of formulas, without backticks: notes, formula, code, check."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in lines]
    return [row for row in rows if len(row) == 4 and "---" not in row[0]]


def formulas_of(page):
    """Rows of the tables without their headings."""
    return [row for row in rows_of(text_of(page)) if row[0] not in ("notes", "讲义")]


def is_as_shown(printed, shown):
    """Word for word; decimals to a thousandth of their size, those with two digits, mostly of a training, to 0.01."""
    if re.sub(NUMBER, "#", printed).split() != re.sub(NUMBER, "#", shown).split():
        return False
    for number, expected in zip(re.findall(NUMBER, printed), re.findall(NUMBER, shown), strict=True):
        tolerance = 0.0101 if re.fullmatch(r"-?\d+\.\d\d", expected) else abs(float(expected)) / 1000
        exact = "." not in expected and "e" not in expected
        if number != expected if exact else abs(float(number) - float(expected)) > tolerance:
            return False
    return True


def shown_by(code, below):
    """The lines that a block says it prints."""
    return below.splitlines() if below is not None else re.findall(r"^ *print\(.*\)  # (.+)$", code, flags=re.MULTILINE)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_code_prints_what_is_shown(chapter, tmp_path, monkeypatch):
    """Every line of it; only times are another machine's."""
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    programs = [(code, below) for language, code, below in blocks_of(text_of(chapter)) if language == "python"]
    assert programs
    for code, below in programs:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(code, names)
        if "milliseconds(" in code:
            continue
        printed, shown = output.getvalue().splitlines(), shown_by(code, below)
        assert len(printed) == len(shown), (code, printed)
        for line, expected in zip(printed, shown, strict=True):
            assert is_as_shown(line, expected), (line, expected)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_blocks_can_be_pasted_at_the_prompt(chapter):
    """There a compound statement ends with an empty line, and has none within, until Python 3.13."""
    for language, code, _ in blocks_of(text_of(chapter)):
        pending: list[str] = []
        for line in [*code.splitlines(), ""] if language == "python" else ():
            pending.append(line)
            if codeop.compile_command("\n".join(pending)) is not None:
                pending = []
        assert pending in ([], [""]), code


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_formulas_stand_beside_a_line_of_the_code_and_a_number_that_it_prints(chapter):
    programs = [(code, below) for language, code, below in blocks_of(text_of(chapter)) if language == "python"]
    lines = {line.strip() for code, _ in programs for line in code.splitlines()}
    lines |= {line.partition("  #")[0] for line in lines}
    shown = [line for code, below in programs for line in shown_by(code, below)]
    assert formulas_of(chapter)
    for number, _, code, check in formulas_of(chapter):
        assert code in lines, (number, code)
        assert check
        assert any(check in line for line in shown), (number, check)


def test_every_formula_of_the_notes_is_in_a_chapter():
    """By its number, or by its section if it has none, as the map of the formulas lists them."""
    notes = (ROOT / "docs/notes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (3\.\d+|–) \| ([^|]+) \|", notes, flags=re.MULTILINE)
    listed = {section if number == "–" else number for number, section in rows}
    assert {f"3.{n}" for n in (*range(1, 7), *range(10, 18))} <= listed
    assert {row[0] for chapter in CHAPTERS for row in formulas_of(chapter)} == listed


def test_both_languages_have_the_same_formulas():
    sections: dict = {}
    for chapter in CHAPTERS:
        english, chinese = formulas_of(chapter), formulas_of(f"zh/{chapter}")
        assert [row[2:] for row in english] == [row[2:] for row in chinese], chapter
        for one, other in zip(english, chinese, strict=True):
            numbered = re.fullmatch(r"3\.\d+", one[0])
            assert other[0] == (one[0] if numbered else sections.setdefault(one[0], other[0])), chapter
    assert len(set(sections.values())) == len(sections)


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_have_the_same_code_pictures_and_exercises(page):
    english, chinese = text_of(page), text_of(f"zh/{page}")
    assert fences_of(english) == fences_of(chinese)
    assert spans_of(english) == spans_of(chinese)
    pictures = r"!\[[^\]]+\]\(((?:\.\./)?)pictures/([^)]+)\)"
    assert [name for _, name in re.findall(pictures, english)] == [name for _, name in re.findall(pictures, chinese)]
    exercises = english.count("<details><summary>Answer</summary>\n\n")
    assert exercises == english.count("<details>") == english.count("\n\n</details>\n")
    assert exercises == chinese.count("<details><summary>答案</summary>\n\n") == chinese.count("\n\n</details>\n")
    assert exercises >= 2 or page == "README.md"


@pytest.mark.parametrize("page", BOTH)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)]+)\)", prose_of(text_of(page)))
    assert links
    for link in links:
        assert ((TUTORIAL / page).parent / link).resolve().is_file(), link


def test_the_contents_list_every_chapter():
    for page in ("README.md", "zh/README.md"):
        assert sorted(re.findall(r"\]\((\d[^)]+\.md)\)", text_of(page))) == CHAPTERS


def test_pictures_are_small_and_every_one_is_shown():
    here = {path.name: path.stat().st_size for path in (TUTORIAL / "pictures").glob("*.png")}
    shown = {name for page in PAGES for name in re.findall(r"\(pictures/([^)]+)\)", text_of(page))}
    assert shown == set(here)
    assert max(here.values()) < 40_000
    assert all(f"pictures/{chapter[0]}-" in text_of(chapter) for chapter in CHAPTERS)


def test_pictures_are_those_that_the_script_draws(tmp_path):
    """As many, of the same sizes; what they show may differ by rounding."""
    images = pytest.importorskip("matplotlib.image", reason="matplotlib, which draws them, is in the extra plot")
    scripts.load(TUTORIAL / "pictures/make.py").make(tmp_path)
    sizes = [
        {path.name: images.imread(path).shape[:2] for path in folder.glob("*.png")}
        for folder in (tmp_path, TUTORIAL / "pictures")
    ]
    assert sizes[0] == sizes[1]


def test_the_chinese_readme_has_the_same_code_figures_and_links():
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
    assert fences_of(english) == fences_of(chinese)
    assert spans_of(english) == spans_of(chinese)
    figures = r"\d[\d.,]*(?=×| [µmn]?s\b| ?%)"
    assert sorted(re.findall(figures, english)) == sorted(re.findall(figures, chinese))
    headings = {heading.replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", chinese, flags=re.MULTILINE)}
    files = {link for link in re.findall(r"\]\(([^)]+)\)", prose_of(english)) if link[0] != "#"}
    files ^= {"README.zh-CN.md", "README.md", "docs/tutorial/README.md", "docs/tutorial/zh/README.md"}
    links = set(re.findall(r"\]\(([^)]+)\)", prose_of(chinese)))
    assert files - links == set()
    for link in links:
        assert link[1:] in headings if link[0] == "#" else (ROOT / link).exists(), link
