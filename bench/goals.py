"""What is measured against what, and the target of each.

A goal: (key, words, unit, target, 'max' or 'min', profile).  Its value is a ratio
of medians of one run of the bench, or a figure of handback itself where a ratio
says nothing (memory, latency).  {n}, {files} and so on are the plan's numbers.
profile: which profile-*.txt says where the time went.
"""

GOALS = [
    ("against_reference", "{n} records, closed → committed, against the reference SQL", "×", 1.15, "max", "file"),
    ("against_script", "faster than psql \\copy and a plain script", "×", 3, "min", "file"),
    ("against_batches", "faster than Python in batches", "×", 8, "min", "file"),
    ("against_rows", "faster than Python row by row (scaled from {rows})", "×", 50, "min", "file"),
    ("against_pgloader", "faster than pgloader and the script", "×", 8, "min", "file"),
    ("xml_against_delimited", "the same as XML, against delimited", "×", 1.5, "max", "file"),
    ("parser_csv", "parser alone, against raw libcsv", "×", 1.6, "max", None),
    ("parser_xml", "parser alone, against raw SAX2", "×", 1.6, "max", None),
    ("five_times", "{n5} records against {n}, per record", "×", 1.25, "max", "file"),
    ("large_ledger", "{n01} on {n10} of ledger and history, per record, against {n} on {n}", "×", 3, "max", "file"),
    ("files_per_second", "{files} files of 100 records in one drop", "files/s", 100, "min", "small-files"),
    ("small_median", "100 records, closed → committed, median of {singles}", "ms", 10, "max", "small-files"),
    ("small_p99", "100 records, closed → committed, p99", "ms", 25, "max", "small-files"),
    ("memory_parser", "peak memory of the parser, up to {n5} records", "MiB", 64, "max", None),
    ("memory_reconciler", "peak memory of the reconciler, up to {n5} records", "MiB", 256, "max", None),
    ("audit_share", "the proof (file's hash, leaves, tree), share of the whole", "%", 12, "max", None),
    ("verify", "audit verify over {n} records, against posting them", "×", 1.0, "max", "audit"),
    ("report", "report over {n} records", "s", 2, "max", "audit"),
]


def words_of(words, plan):
    n = plan["records"]
    return words.format(n=f"{n:,}", n5=f"{5 * n:,}", n10=f"{10 * n:,}", n01=f"{n // 10:,}", rows=f"{plan['rows']:,}",
                        files=f"{plan['files']:,}", singles=plan["singles"])


def judge(values, plan):
    """[(words, value or None, unit, target, direction, holds or None, profile)] in the order of GOALS."""
    rows = []
    for key, words, unit, target, direction, profile in GOALS:
        value = values.get(key)
        holds = None if value is None else (value <= target if direction == "max" else value >= target)
        rows.append((words_of(words, plan), value, unit, target, direction, holds, profile))
    return rows
