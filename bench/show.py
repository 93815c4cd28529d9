"""The results as a table, as JSON and as a picture."""
import html
import json
import math

import goals

BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->\n"


def goal_lines(result):
    lines = ["| goal | target | measured | holds |", "|---|---|---|---|"]
    for words, value, unit, target, direction, holds, _ in goals.judge(result["values"], result["plan"]):
        sign = "≤" if direction == "max" else "≥"
        shown = "not measured" if value is None else f"{value:.3g} {unit}"
        verdict = "—" if holds is None or not result["judged"] else "yes" if holds else "no"
        lines.append(f"| {words} | {sign} {target} {unit} | {shown} | {verdict} |")
    return lines


def median_lines(result):
    lines = ["| medians | runs | seconds | of processors | peak MiB |", "|---|---|---|---|---|"]
    for r in result["rows"]:
        cpu, peak = ("" if r[k] is None else f"{r[k]:.{d}f}" for k, d in (("cpu", 2), ("peak", 0)))
        lines.append(f"| {r['name']} | {r['runs']} | {r['seconds']:.3f} | {cpu} | {peak} |")
    return lines


def table(result):
    return "\n".join([*goal_lines(result), "", *median_lines(result)])


def missed(result, folder):
    """For each goal that is missed, where to look."""
    if not result["judged"]:
        return []
    return [f"missed: {words}" + (f"; {folder}/profile-{profile}.txt says where the time goes" if profile else "")
            for words, _, _, _, _, holds, profile in goals.judge(result["values"], result["plan"]) if holds is False]


def readme(path, result, lines=goal_lines, of=""):
    """Between the marks of README.md: what was measured, when, on what, and by which command. of: whose marks."""
    begin, end = BEGIN.replace("results", of + "results"), END.replace("results", of + "results")
    before, _, rest = path.read_text(encoding="utf-8").partition(begin)
    _, mark, after = rest.partition(end)
    if not mark:
        raise SystemExit(f"{path} has no {begin.strip()} with {end.strip()} behind it")
    if not result["judged"]:
        raise SystemExit("the last run was a smoke: nothing was judged")
    said = f"`{result['command']}` on {result['date']}, {result['machine']}, {result['postgresql']}:"
    path.write_text("\n".join([before + begin + said, "", *lines(result), end]) + after, encoding="utf-8")


def picture(rows, title):
    """Horizontal bars on a logarithmic scale; light and dark, no script."""
    rows = [(r["name"], r["seconds"]) for r in rows if r["seconds"] > 0 and not r["name"].startswith("its parser")]
    if not rows:
        return ""
    low, high = min(s for _, s in rows) / 2, max(s for _, s in rows)
    width, bar, left = 860, 26, 320
    span = math.log(high / low) or 1
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {len(rows) * bar + 50}" role="img" '
           f'font-family="system-ui, sans-serif" font-size="13"><title>{html.escape(title)}</title>'
           "<style>text{fill:#1b1f24}rect{fill:#8aa4c8}.us{fill:#1f6feb}"
           "@media(prefers-color-scheme:dark){text{fill:#e6edf3}}</style>",
           f'<text x="8" y="22" font-weight="600">{html.escape(title)}</text>']
    for n, (name, seconds) in enumerate(rows):
        y = 38 + n * bar
        length = (width - left - 90) * math.log(seconds / low) / span
        us = ' class="us"' if name.startswith("handback") else ""
        out.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{html.escape(name)}</text>'
                   f'<rect{us} x="{left}" y="{y}" width="{length:.1f}" height="{bar - 8}" rx="2"/>'
                   f'<text x="{left + length + 6:.1f}" y="{y + 14}">{seconds:.3g} s</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def write(folder, result):
    """results.json (the one before becomes previous.json) and results.svg."""
    current = folder / "results.json"
    if current.exists():
        current.replace(folder / "previous.json")
    current.write_text(json.dumps(result, indent=1) + "\n")
    (folder / "results.svg").write_text(picture(result["rows"], "seconds, logarithmic: shorter is faster"))


def compare(folder, result):
    """One line for each figure that moved by more than a tenth since the last results of the same size."""
    try:
        last = json.loads((folder / "previous.json").read_text())
        before = last["values"] if last["plan"]["records"] == result["plan"]["records"] else {}
    except (OSError, KeyError, ValueError):
        return []
    return [f"since {last['date']}: {key} {before[key]:.3g} → {value:.3g}" for key, value in result["values"].items()
            if before.get(key) and value and abs(value / before[key] - 1) > 0.1]
