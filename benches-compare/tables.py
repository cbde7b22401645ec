#!/usr/bin/env python3
"""Fills the tables of docs/performance.md from a report of the comparison (`peers.py run --md REPORT`).

    benches-compare/tables.py REPORT [PAGE]

A place is what lies between `<!-- table: NAME -->` and `<!-- end -->`. NAME is `run` (date, machine,
load and versions), `headline` (the time of the fastest other library, the limit, and ours), `sizes`,
or the title of a table of single rows, such as `full-volume read: em, raw`.
"""
import pathlib
import re
import sys

# What the page leaves out of the headline: it is in the rows.
LEFT_OUT = {'min', 'least CPU s', '2nd peer', 'peer/limit'}
PLACE = re.compile(r'(<!-- table: (.+?) -->\n).*?(<!-- end -->)', re.DOTALL)


def cells(line):
    return [cell.strip() for cell in line.strip().strip('|').split('|')]


def row(values):
    return '| ' + ' | '.join(values) + ' |'


def sections(report):
    """What stands below each heading."""
    found, title = {}, ''
    for line in report.splitlines():
        if line.startswith('#'):
            title = line.lstrip('# ')
        else:
            found.setdefault(title, []).append(line)
    return found


def table(lines):
    return [line for line in lines if line.startswith('|')]


def narrow(lines):
    header = cells(lines[0])
    keep = [n for n, name in enumerate(header) if name not in LEFT_OUT]
    return [row([cells(line)[n] for n in keep]) for line in lines]


def content(name, report):
    parts = sections(report)
    titled = lambda start: next((part for title, part in parts.items() if title.startswith(start)), None)
    if name == 'run':
        lines = [line for line in report.splitlines() if re.match(r'(Date|Load average:|Versions:) ', line)]
        return '\n'.join(f'- {line}' for line in lines)
    start = {'headline': 'Headline', 'sizes': 'Stored sizes'}.get(name, name)
    part = titled(start)
    if part is None or not table(part):
        sys.exit(f'the report has no table "{name}"')
    lines = table(part)
    return '\n'.join(narrow(lines) if name == 'headline' else lines)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    report = pathlib.Path(sys.argv[1]).read_text()
    here = pathlib.Path(__file__).resolve().parent.parent
    page = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else here / 'docs' / 'performance.md'
    fill = lambda place: f'{place[1]}{content(place[2], report)}\n{place[3]}'
    text, count = PLACE.subn(fill, page.read_text())
    if not count:
        sys.exit(f'{page} has no place for a table')
    page.write_text(text)
    print(f'{page}: {count} tables')


if __name__ == '__main__':
    main()
