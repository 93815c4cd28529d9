"""Money is integers: no instruction and no symbol of floating point in what lib/, parsers/ and reconcile/ were compiled to."""
import pathlib
import platform
import re
import shutil
import subprocess

import pytest

# Arithmetic, comparison and conversion; not the moves between registers, which memcpy is made of.
INSTRUCTIONS = {
    "x86_64": re.compile(r"\t(v?(add|sub|mul|div|sqrt|max|min|cmp\w*|u?comi|rcp|rsqrt|round|f?n?m(add|sub)\w*)(ss|sd|ps|pd)"
                         r"|v?cvt\w+|f(ld|i?ld|i?st|st|i?add|i?sub|i?mul|i?div|u?com|chs|abs|sqrt|rndint|scale|xam|xch)\w*)\b"),
    "aarch64": re.compile(r"\t(f(add|sub|n?mul|div|n?m(add|sub)|cvt\w*|cmp\w*|ccmp\w*|neg|abs|sqrt|rint\w|max\w*|min\w*|mla|mls)"
                          r"|[su]cvtf)\b"),
}
SYMBOLS = re.compile(r"^(strto(d|f|ld)(_l)?|wcstod|atof|l?lr(ound|int)[fl]?|(round|rint|nearbyint|floor|ceil|trunc|fabs|fmod|pow|exp"
                     r"|log(2|10)?|sqrt|modf|frexp|ldexp|scalbn|copysign)[fl]?|difftime|drand48|[efg]cvt"
                     r"|__\w*(sf|df|tf|xf)(2|3|di|si|ti|vfp)?|__float\w+|__fix\w+)$")
FOLDERS = ("lib", "parsers", "reconcile", "collect", "nightly")


def code(objects):
    """{path: its instructions}; by one process, which costs what each of many would."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", *objects], check=True, capture_output=True, text=True).stdout
    parts = re.split(r"^(\S.*):\s+file format .*\n", text, flags=re.M)
    return {pathlib.Path(path): part for path, part in zip(parts[1::2], parts[2::2], strict=True)}


# a workbook's numbers are doubles: what has more than 15 digits goes as text, and nothing reads them back
WORKBOOK = {"sheet.c.o"}


def floating(objects):
    """What is of floating point in these object files: (object, instruction or symbol)."""
    instruction = INSTRUCTIONS[platform.machine()]
    texts = code(objects)
    assert set(texts) == set(objects)
    # each text as a whole: line by line takes ten times as long
    found = [(path.name, text[hit.start() + 1:text.index("\n", hit.start())].strip())
             for path, text in texts.items() for hit in instruction.finditer(text)]
    wanted = subprocess.run(["nm", "-A", "-u", *objects], check=True, capture_output=True, text=True).stdout
    symbols = re.findall(r"^(\S.*?):\s+[Uuvw] (\S+)$", wanted, re.M)
    return found + [(pathlib.Path(path).name, name) for path, name in symbols if SYMBOLS.match(name)]


@pytest.fixture
def tools(need):
    need("objdump")
    need("nm")
    if platform.machine() not in INSTRUCTIONS:
        pytest.skip(f"the instructions of {platform.machine()} are not known here")


def test_no_floating_point_where_money_is(build, tools):
    objects = sorted(p for folder in FOLDERS for p in (build / folder).rglob("*.o") if p.name not in WORKBOOK)
    for source, function in (("numbers", "number_read"), ("assemble_total", "totals_compare"), ("post", "post_file")):
        mine = [p for p in objects if p.name == f"{source}.c.o"]
        assert any(f"<{function}>:" in text for text in code(mine).values()), f"no code of {function} is looked at"
    assert floating(objects) == []


@pytest.mark.parametrize("text, shown", [
    ("long f(long points) { return (long) ((double) points * 1.1); }", r"\b(mulsd|fmul)\b"),
    ("long f(long points) { return (long) (double) points; }", r"cvt"),
    ("int f(float a, float b) { return a < b; }", r"comi|fcmp"),
    ("long double f(long double a) { return a * a; }", r"fmul|__multf3"),
    ("#include <stdlib.h>\nlong f(const char *s) { return strtod(s, 0) > 0; }", r"strtod"),
    ("#include <math.h>\nlong f(double d) { return lround(d); }", r"lround"),
])
def test_a_double_would_be_seen(tools, tmp_path, text, shown):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not installed")
    source = tmp_path / "bad.c"
    source.write_text(text + "\n")
    subprocess.run([compiler, "-O2", "-c", source, "-o", tmp_path / "bad.o"], check=True)
    found = floating([tmp_path / "bad.o"])
    assert any(re.search(shown, what) for _, what in found), found


def test_moves_of_memory_are_no_arithmetic(tools, tmp_path):
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed")
    source = tmp_path / "good.c"
    source.write_text("struct s { long a[8]; };\nvoid f(struct s *a, const struct s *b) { *a = *b; }\n"
                      "long g(long points, long n) { return points * n / 100 % 7; }\n")
    subprocess.run(["cc", "-O2", "-c", source, "-o", tmp_path / "good.o"], check=True)
    assert floating([tmp_path / "good.o"]) == []
