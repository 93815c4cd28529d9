"""The results as a table, as JSON and as a picture."""
import html
import json


def table(values, medians):
    import goals

    lines = ["| goal | target | measured | holds |", "|---|---|---|---|"]
    for words, value, unit, target, direction, holds in goals.judge(values):
        sign = "≤" if direction == "max" else "≥"
        shown = "not measured" if value is None else f"{value:.3g} {unit}"
        lines.append(f"| {words} | {sign} {target} {unit} | {shown} | {'—' if holds is None else 'yes' if holds else 'NO'} |")
    lines += ["", "| medians of one run | seconds | peak MiB |", "|---|---|---|"]
    for name, (seconds, peak) in medians.items():
        lines.append(f"| {name} | {seconds:.3f} | {'' if peak is None else f'{peak:.0f}'} |")
    return "\n".join(lines)


def picture(medians, title):
    """Horizontal bars on a logarithmic scale; light and dark, no script."""
    import math

    rows = [(name, seconds) for name, (seconds, _) in medians.items() if seconds > 0]
    if not rows:
        return ""
    low, high = min(s for _, s in rows) / 2, max(s for _, s in rows)
    width, bar, left = 860, 26, 300
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
    (folder / "results.svg").write_text(picture({k: tuple(v) for k, v in result["medians"].items()},
                                                "seconds, logarithmic: shorter is faster"))


def compare(folder, values):
    """One line for each figure that moved by more than a tenth since the last results."""
    try:
        before = json.loads((folder / "previous.json").read_text())["values"]
    except (OSError, KeyError, ValueError):
        return []
    return [f"{key}: {before[key]:.3g} → {value:.3g}" for key, value in values.items()
            if before.get(key) and value and abs(value / before[key] - 1) > 0.1]
