# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""docs/architecture.md and its picture say what the tree says.

    architecture_test.py WORKSPACE
"""

import os
import re
import sys
import unittest

import draw_architecture
import source_rules

# A file of the source tree, to which the runfiles link.
ROOT = os.path.dirname(os.path.realpath(sys.argv.pop(1)))


def read(*path):
    with open(os.path.join(ROOT, *path), encoding='utf-8') as file:
        return file.read()


def identifiers(root):
    """The words of all sources in C++ and of the tables of the layers."""
    found = set()
    for path in source_rules.source_files(root):
        if path.endswith(source_rules.CPP):
            found.update(re.findall(r'\w+', read(path)))
    return found | set(vars(source_rules))


def names_that_are_nowhere(text, words):
    """The names in `code` and in links that the tree does not have."""
    wrong = []
    for name in re.findall(r'`([^`]+)`', text):
        if name.startswith('//'):
            package, _, target = name[2:].partition(':')
            target = target or os.path.basename(package)
            build = os.path.join(package, 'BUILD')
            there = (os.path.exists(os.path.join(ROOT, build)) and
                     'name = "%s"' % target in read(build))
        elif re.fullmatch(r'[\w.-]+/.*|[\w-]+\.md', name):
            there = (os.path.exists(os.path.join(ROOT, name)) or
                     name.rstrip('/') in source_rules.LAYERS)
        else:
            # `Checkpoint::Open`, `Load(path)`, a word of an option.
            there = words.issuperset(re.findall(r'\w+', name))
        if not there:
            wrong.append(name)
    for link in re.findall(r'\]\(([^)]+)\)', text):
        if not os.path.exists(os.path.join(ROOT, 'docs', link)):
            wrong.append(link)
    return wrong


def numbers(text):
    return [float(number) for number in re.findall(r'-?[\d.]+', text)]


def boxes(svg):
    """(left, top, right, bottom) of each room."""
    found = []
    for rect in re.findall(r'<rect class="room" ([^>]*)/>', svg):
        x, y, width, height = numbers(rect)[:4]
        found.append((x, y, x + width, y + height))
    return found


def points(path):
    """Points of an arrow's path, a few pixels apart."""
    found = []
    for command, arguments in re.findall(r'([MVC])([^MVC]*)', path):
        values = numbers(arguments)
        if command == 'M':
            found.append(tuple(values))
            continue
        x, y = found[-1]
        if command == 'V':
            values = [x, y, x, values[0], x, values[0]]
        for i in range(1, 101):
            t, s = i / 100, 1 - i / 100
            found.append(
                tuple(s**3 * start + 3 * s * s * t * values[axis] +
                      3 * s * t * t * values[2 + axis] + t**3 * values[4 + axis]
                      for axis, start in enumerate((x, y))))
    return found


class PictureTest(unittest.TestCase):

    def assert_readable(self, svg):
        """No boxes overlap, and no arrow runs through a box."""
        rooms = boxes(svg)
        for i, (left, top, right, bottom) in enumerate(rooms):
            for other in rooms[:i]:
                self.assertTrue(
                    left >= other[2] or right <= other[0] or
                    top >= other[3] or bottom <= other[1], (rooms[i], other))
        for path in re.findall(r'<path class="arrow" d="([^"]*)"', svg):
            for x, y in points(path):
                self.assertFalse(
                    any(left < x < right and top < y < bottom
                        for left, top, right, bottom in rooms), (path, x, y))

    def test_is_what_the_script_draws(self):
        if read(draw_architecture.PICTURE) != draw_architecture.picture(ROOT):
            self.fail('%s is out of date; run %s' %
                      (draw_architecture.PICTURE, draw_architecture.COMMAND))

    def test_is_readable(self):
        svg = read(draw_architecture.PICTURE)
        self.assertGreater(len(boxes(svg)), 10)
        self.assert_readable(svg)

    def test_stays_readable_whatever_is_included(self):
        rooms = list(draw_architecture.includes(ROOT))
        captions = dict.fromkeys(rooms, 'words')
        place = draw_architecture.places(rooms)
        # All that may be; and a few rooms that all others include, so that
        # most arrows pass many rows.
        for targets in (rooms, ['core'], ['io', 'devices', 'value']):
            edges = {
                room: {other for other in targets if place[other] < place[room]}
                for room in rooms
            }
            self.assert_readable(draw_architecture.draw(edges, captions))

    def test_leaves_out_what_follows(self):
        edges = {'a': {'b', 'c', 'd'}, 'b': {'c'}, 'c': set(), 'd': {'c'}}
        self.assertEqual(draw_architecture.reduced(edges), {
            'a': {'b', 'd'},
            'b': {'c'},
            'c': set(),
            'd': {'c'}
        })

    def test_floors_are_the_layers(self):
        rooms = ['core', 'io', 'devices', 'serialization', 'serialization/zip',
                 'serialization/container', 'runtime']
        place = draw_architecture.places(rooms)
        self.assertEqual(place['core'], (0, 0))
        self.assertEqual(place['io'], place['devices'])
        self.assertEqual(
            sorted(rooms, key=lambda room: place[room])[3:],
            ['serialization/container', 'serialization/zip', 'serialization',
             'runtime'])

    def test_what_cannot_be_drawn_is_said(self):
        captions = {'core': 'words', 'io': 'words'}
        for edges, texts, message in (
            ({'core': {'io'}, 'io': set()}, captions,
             'core/ includes io/, which is not below it'),
            ({'core': set(), 'io': {'core'}}, {'core': 'words'},
             'has no row for `io/`'),
            ({'core': set()}, {'core': 'many words ' * 30}, 'does not fit')):
            with self.assertRaisesRegex(draw_architecture.Fault, message):
                draw_architecture.draw(edges, texts)


class PageTest(unittest.TestCase):

    def test_names_only_what_is_there(self):
        text = read(draw_architecture.PAGE)
        self.assertGreater(len(re.findall('`', text)), 200)
        words = identifiers(ROOT)
        self.assertEqual(names_that_are_nowhere(text, words), [])
        for name in ('`core/no_such_file.h`', '`nowhere/`', '`//core:nothing`',
                     '`//nowhere`', '`NoSuchClass%d`' % 7, '[a](nowhere.md)'):
            self.assertEqual(len(names_that_are_nowhere(name, words)), 1, name)

    def test_every_room_is_drawn(self):
        drawn = draw_architecture.includes(ROOT)
        text = read(draw_architecture.PAGE)
        table = re.findall(r'^\| `([\w/]+)/` \|[^|]*\|[^|]*\|$', text,
                           re.MULTILINE)
        self.assertEqual(sorted(table), sorted(drawn))


if __name__ == '__main__':
    unittest.main()
