"""What is measured against what, and the target of each.

A goal: (key, words, unit, target, 'max' or 'min').  Its value is a ratio of
medians of one run of the bench, or a figure of handback itself where a ratio
says nothing (memory, latency).
"""

GOALS = [
    ("against_reference", "1 M records, closed → committed, against the reference SQL", "×", 1.15, "max"),
    ("against_script", "faster than psql \\copy and a plain script", "×", 3, "min"),
    ("against_batches", "faster than Python in batches", "×", 8, "min"),
    ("against_rows", "faster than Python row by row (scaled)", "×", 50, "min"),
    ("against_pgloader", "faster than pgloader and the script", "×", 8, "min"),
    ("xml_against_delimited", "the same as XML, against delimited", "×", 1.5, "max"),
    ("parser_csv", "parser alone, against raw libcsv", "×", 1.6, "max"),
    ("parser_xml", "parser alone, against raw SAX2", "×", 1.6, "max"),
    ("five_million", "5 M against 1 M, per record", "×", 1.25, "max"),
    ("large_ledger", "100 k on 10 M ledger and history, per record, against 1 M on 1 M", "×", 3, "max"),
    ("files_per_second", "1,000 files of 100 records in one drop", "files/s", 100, "min"),
    ("small_median", "100 records, closed → committed, median", "ms", 10, "max"),
    ("small_p99", "100 records, closed → committed, p99", "ms", 25, "max"),
    ("memory_parser", "peak memory of the parser", "MiB", 64, "max"),
    ("memory_reconciler", "peak memory of the reconciler", "MiB", 256, "max"),
    ("audit_share", "audit: hashes and tree, share of the whole", "%", 12, "max"),
    ("verify", "audit verify over 1 M records, against posting them", "×", 1.0, "max"),
    ("report", "report over 1 M records", "s", 2, "max"),
]


def judge(values):
    """[(words, value or None, unit, target, direction, holds or None)] in the order of GOALS."""
    rows = []
    for key, words, unit, target, direction in GOALS:
        value = values.get(key)
        holds = None if value is None else (value <= target if direction == "max" else value >= target)
        rows.append((words, value, unit, target, direction, holds))
    return rows
