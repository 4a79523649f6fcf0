#!/usr/bin/python3
# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Draws docs/architecture.svg: the folders of the library, and their includes.

    python3 tools/checks/draw_architecture.py

A *room* is a folder of the library: a layer of source_rules.LAYERS, or a folder
inside serialization/, the largest layer. A room stands above all rooms that
LAYERS and INNER_LAYERS let it include. The arrows come from the sources, and
the texts in the boxes from the table of rooms in docs/architecture.md.

The same tree always gives the same picture.
"""

import os
import re
import sys
import textwrap
from xml.sax.saxutils import escape

import source_rules

PAGE = os.path.join('docs', 'architecture.md')
PICTURE = os.path.join('docs', 'architecture.svg')
COMMAND = 'python3 tools/checks/draw_architecture.py'

# Layers that use the library and are no part of it.
_USERS = ('examples', 'tools', 'tests')

# The layer that is drawn folder by folder.
_DIVIDED = 'serialization'

# Lengths are in pixels. Browsers substitute fonts, so a character is assumed to
# be as wide as in the widest common ones.
_NAME_SIZE, _TEXT_SIZE, _LINE = 13, 12, 16
_NAME_EM, _TEXT_EM = 0.62, 0.6
_TEXT_COLUMNS, _TEXT_LINES = 28, 3
_BOX_WIDTH, _BOX_HEIGHT = 214, 84
_CHANNEL = 64  # between rows, where arrows go sideways
_ROW = _BOX_HEIGHT + _CHANNEL
_GAP = 24  # between neighbours in a row
_LANE = 10  # the width that an arrow takes where it passes a row
_FRAME = 18  # from the boxes of a divided layer to the frame around them
_MARGIN = 84  # left of the boxes, for the names of the floors
_EDGE = 8  # from the border of the picture to the floors
_PORT = 30  # between arrows at one side of a box


class Fault(Exception):
    """Something about the tree that cannot be drawn."""


def room_of(folder):
    """The room of a source in a folder, or None if it is in none."""
    parts = folder.split('/')
    if parts[0] not in source_rules.LAYERS or parts[0] in _USERS:
        return None
    if (parts[0] == _DIVIDED and parts[1:] and
            parts[1] in source_rules.INNER_LAYERS[_DIVIDED]):
        return '/'.join(parts[:2])
    return parts[0]


def includes(root):
    """{room: the other rooms that its sources include}, without tests."""
    found = {}
    for path in source_rules.source_files(root):
        folder = os.path.dirname(path)
        room = room_of(folder)
        if (room is None or 'testing' in folder.split('/') or
                not path.endswith(source_rules.CPP) or
                path.endswith(source_rules.TESTS)):
            continue
        rooms = found.setdefault(room, set())
        with open(os.path.join(root, path), encoding='utf-8') as file:
            for line in file:
                include = source_rules.INCLUDE.match(line)
                name = include and include.group(1)
                if name and name.startswith('ferry/'):
                    target = room_of(os.path.dirname(name)[len('ferry/'):])
                    if target not in (None, room):
                        rooms.add(target)
    return found


def _heights(allowed, names):
    """{name: 0 if it may include nothing, else 1 more than the highest}."""
    heights = {}

    def height(name):
        if name not in heights:
            heights[name] = 1 + max(
                [height(other) for other in allowed[name] if other in names],
                default=-1)
        return heights[name]

    for name in names:
        height(name)
    return heights


def places(rooms):
    """{room: (floor, row within the floor)}, counted from the bottom."""
    floors = _heights(source_rules.LAYERS,
                      sorted({room.split('/')[0] for room in rooms}))
    found = {}
    for room in rooms:
        layer, _, folder = room.partition('/')
        row = 0
        if layer == _DIVIDED:
            inner = source_rules.INNER_LAYERS[_DIVIDED]
            heights = _heights(inner, sorted(inner))
            row = heights[folder] if folder else 1 + max(heights.values())
        found[room] = (floors[layer], row)
    return found


def reduced(edges):
    """The edges without those that a longer chain of edges replaces."""

    def reaches(start, end):
        return start == end or any(reaches(room, end) for room in edges[start])

    return {
        room: {
            target for target in targets if not any(
                other != target and reaches(other, target) for other in targets)
        } for room, targets in edges.items()
    }


class _Node:
    """A box, or the place where an arrow passes a row."""

    def __init__(self, room, layer):
        self.room = room
        # The divided layer inside whose frame it is, or ''.
        self.frame = layer if layer == _DIVIDED else ''
        self.width = _BOX_WIDTH if room else _LANE
        self.x = 0.0  # of the centre
        self.above, self.below = [], []  # neighbours by an arrow


def _build(edges):
    """(rows of nodes from the bottom, chains of nodes: one for each arrow,
    {row: floor})."""
    place = places(edges)
    order = sorted(set(place.values()))
    row_of = {room: order.index(place[room]) for room in edges}
    rows = [[] for _ in order]
    nodes = {}
    for room in sorted(edges):
        nodes[room] = _Node(room, room.split('/')[0])
        rows[row_of[room]].append(nodes[room])
    chains = []
    for room in sorted(edges):
        for target in sorted(edges[room]):
            if row_of[target] >= row_of[room]:
                raise Fault('%s/ includes %s/, which is not below it' %
                            (room, target))
            # An arrow passes inside the frame where one of its ends is.
            layers = {room.split('/')[0], target.split('/')[0]}
            chain = [nodes[room]]
            for row in range(row_of[room] - 1, row_of[target], -1):
                inside = [
                    node.frame for node in rows[row] if node.frame in layers
                ]
                lane = _Node(None, inside[0] if inside else '')
                rows[row].append(lane)
                chain.append(lane)
            chain.append(nodes[target])
            chains.append(chain)
            for upper, lower in zip(chain, chain[1:]):
                upper.below.append(lower)
                lower.above.append(upper)
    return rows, chains, [floor for floor, _ in order]


def _cost(rows):
    """(crossings of arrows, how far arrows go sideways) of an order."""
    at = {node: i - (len(row) - 1) / 2 for row in rows
          for i, node in enumerate(row)}
    crossings, sideways = 0, 0
    for row in rows:
        lines = [(at[node], at[other]) for node in row for other in node.below]
        crossings += sum((a - c) * (b - d) < 0 for a, b in lines
                         for c, d in lines)
        sideways += sum(abs(a - b) for a, b in lines)
    return crossings, sideways


def _sort(rows):
    """Moves nodes within their rows for as long as that makes fewer crossings.

    The frame of a divided layer comes first in its rows."""
    for row in rows:
        row.sort(key=lambda node: not node.frame)
    best, before = _cost(rows), None
    while best != before:
        before = best
        for row in rows:
            for node in list(row):
                for place in range(len(row)):
                    old = row.index(node)
                    row.insert(place, row.pop(old))
                    framed = [not other.frame for other in row]
                    cost = _cost(rows)
                    if cost < best and framed == sorted(framed):
                        best = cost
                    else:
                        row.insert(old, row.pop(place))


def _settle(row, wanted):
    """Gives the nodes the x nearest to what is wanted that keep the gaps."""
    # Pool adjacent violators: nodes that would overlap move as one.
    offset, offsets = 0.0, []
    for left, right in zip([None] + row, row):
        if left is not None:
            offset += (left.width + right.width) / 2 + _GAP
        offsets.append(offset)
    pools = []  # (sum, count)
    for x, offset in zip(wanted, offsets):
        pools.append((x - offset, 1))
        while len(pools) > 1 and (pools[-2][0] / pools[-2][1] >
                                  pools[-1][0] / pools[-1][1]):
            total, count = pools.pop()
            pools[-1] = (pools[-1][0] + total, pools[-1][1] + count)
    settled = [total / count for total, count in pools for _ in range(count)]
    for node, x, offset in zip(row, settled, offsets):
        node.x = x + offset


def _edges_of(nodes):
    return (min(node.x - node.width / 2 for node in nodes),
            max(node.x + node.width / 2 for node in nodes))


def _arrange(rows):
    """Gives every node its x."""
    for row in rows:
        _settle(row, [0.0] * len(row))
    for _ in range(60):
        for row in rows + rows[::-1]:
            wanted = []
            for node in row:
                others = node.above + node.below
                wanted.append(
                    sum(other.x for other in others) / len(others)
                    if others else node.x)
            _settle(row, wanted)
        # What is beside a frame stays clear of it in all of its rows.
        framed = [node for row in rows for node in row if node.frame]
        if framed:
            right = _edges_of(framed)[1] + _FRAME
            for row in rows:
                if any(node.frame for node in row):
                    end = right  # of the last node
                    for node in row:
                        if not node.frame:
                            node.x = max(node.x, end + _GAP + node.width / 2)
                            end = node.x + node.width / 2
    left = _edges_of([node for row in rows for node in row])[0]
    for row in rows:
        for node in row:
            node.x = round(node.x - left + _MARGIN + _FRAME)


def _ports(node, others):
    """{other: x where its arrow meets the node}."""
    if node.room is None:
        return {other: node.x for other in others}
    others = sorted(others, key=lambda other: other.x)
    step = min(_PORT, (node.width - _PORT) / max(1, len(others) - 1))
    return {
        other: round(node.x + (i - (len(others) - 1) / 2) * step)
        for i, other in enumerate(others)
    }


def _captions(root):
    """{room: what it holds} out of the table of rooms."""
    with open(os.path.join(root, PAGE), encoding='utf-8') as file:
        return dict(
            re.findall(r'^\| `([\w/]+)/` \| ([^|]*?) \|', file.read(),
                       re.MULTILINE))


def _box(room, x, y, captions):
    if room not in captions:
        raise Fault('the table of rooms in %s has no row for `%s/`' %
                    (PAGE, room))
    lines = textwrap.wrap(captions[room], _TEXT_COLUMNS)
    widest = max([(len(room) + 1) * _NAME_SIZE * _NAME_EM] +
                 [len(line) * _TEXT_SIZE * _TEXT_EM for line in lines])
    if len(lines) > _TEXT_LINES or widest > _BOX_WIDTH:
        raise Fault('%s: "%s" does not fit its box: %d lines of %d characters' %
                    (PAGE, captions[room], _TEXT_LINES, _TEXT_COLUMNS))
    folder, slash, name = room.rpartition('/')
    line_y = y + (_BOX_HEIGHT - len(lines) * _LINE) // 2 + 4
    out = [
        '<rect class="room" x="%d" y="%d" width="%d" height="%d" rx="8"/>' %
        (x - _BOX_WIDTH // 2, y, _BOX_WIDTH, _BOX_HEIGHT),
        '<text class="name" x="%d" y="%d">%s<tspan class="bold">%s/</tspan>'
        '</text>' % (x, line_y, folder + slash, name)
    ]
    for line in lines:
        line_y += _LINE
        out.append('<text class="holds" x="%d" y="%d">%s</text>' %
                   (x, line_y + 3, escape(line)))
    return out


_STYLE = '''<style>
.page{fill:#ffffff}
.floor{fill:#f1f5f9}
.frame{fill:#e0ecfa;stroke:#93b4dc}
.room{fill:#ffffff;stroke:#334155;stroke-width:1.5}
.arrow{fill:none;stroke:#475569;stroke-width:1.6}
.tip{fill:#475569}
text{fill:#0f172a;font-size:%dpx}
text{font-family:'DejaVu Sans',Verdana,Arial,sans-serif}
.name,.holds{text-anchor:middle}
.name{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:%dpx}
.bold{font-weight:bold}
.label{fill:#475569}
</style>''' % (_TEXT_SIZE, _NAME_SIZE)

_LEGEND = (
    'An arrow leads from a folder to one whose headers its sources include. '
    'Tests do not count.',
    'An arrow is left out where a longer chain of arrows leads to the same '
    'folder. The blue frame is one layer with its inner folders.',
    'Drawn from the sources by tools/checks/draw_architecture.py.')


def draw(edges, captions):
    """The picture of {room: rooms that it includes}, as SVG."""
    rows, chains, floors = _build(reduced(edges))
    _sort(rows)
    _arrange(rows)
    nodes = [node for row in rows for node in row]
    width = round(_edges_of(nodes)[1]) + _FRAME + _GAP
    start = _EDGE + _CHANNEL // 2
    top = {
        node: start + (len(rows) - 1 - i) * _ROW for i, row in enumerate(rows)
        for node in row
    }
    bottom = _EDGE + len(rows) * _ROW
    height = bottom + (len(_LEGEND) + 1) * (_LINE + 2)
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
        'viewBox="0 0 %d %d">' % (width, height, width, height),
        '<title>The folders of Ferry and what they include</title>', _STYLE,
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" '
        'markerWidth="7" markerHeight="7" orient="auto"><path class="tip" '
        'd="M0,0 L10,5 L0,10 z"/></marker></defs>',
        '<rect class="page" width="%d" height="%d"/>' % (width, height)
    ]
    for floor in sorted(set(floors)):
        own = [i for i in range(len(rows)) if floors[i] == floor]
        y = _EDGE + (len(rows) - 1 - own[-1]) * _ROW
        size = len(own) * _ROW - 6
        out.append('<rect class="floor" x="%d" y="%d" width="%d" height="%d" '
                   'rx="6"/>' % (_EDGE, y, width - 2 * _EDGE, size))
        out.append('<text class="label" x="20" y="%d">floor %d</text>' %
                   (y + size / 2 + 4, floor))
    for frame in sorted({node.frame for node in nodes} - {''}):
        inside = [node for node in nodes if node.frame == frame]
        left, right = _edges_of(inside)
        upper, lower = min(top[n] for n in inside), max(top[n] for n in inside)
        out.append('<rect class="frame" x="%d" y="%d" width="%d" height="%d" '
                   'rx="12"/>' %
                   (left - _FRAME, upper - _FRAME, right - left + 2 * _FRAME,
                    lower - upper + _BOX_HEIGHT + 2 * _FRAME))
    below = {node: _ports(node, node.below) for node in nodes}
    above = {node: _ports(node, node.above) for node in nodes}
    for chain in chains:
        path = ''
        for upper, lower in zip(chain, chain[1:]):
            x, y = below[upper][lower], top[upper] + _BOX_HEIGHT
            to_x, to_y = above[lower][upper], top[lower]
            bend = _CHANNEL * 3 // 4
            path += 'V%d' % y if path else 'M%d,%d' % (x, y)
            path += 'C%d,%d %d,%d %d,%d' % (x, y + bend, to_x, to_y - bend,
                                            to_x, to_y)
        out.append('<path class="arrow" d="%s" marker-end="url(#tip)"/>' % path)
    for node in nodes:
        if node.room:
            out += _box(node.room, node.x, top[node], captions)
    for i, line in enumerate(_LEGEND):
        out.append('<text class="label" x="20" y="%d">%s</text>' %
                   (bottom + (i + 1) * (_LINE + 2), escape(line)))
    return '\n'.join(out + ['</svg>', ''])


def picture(root):
    """The picture of the tree at root."""
    return draw(includes(root), _captions(root))


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
    try:
        svg = picture(root)
    except Fault as fault:
        print('draw_architecture: %s' % fault, file=sys.stderr)
        return 1
    with open(os.path.join(root, PICTURE), 'w', encoding='utf-8') as file:
        file.write(svg)
    return 0


if __name__ == '__main__':
    sys.exit(main())
