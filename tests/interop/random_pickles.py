# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes random pickles in which every opcode occurs.

    for data in random_pickles(random.Random(1), 100): ...

A pickle is made opcode by opcode. The maker knows what kind of value is at each
place of the stack and of the memo, and mostly chooses an opcode that Python
accepts there, so that long pickles run to their end. Names are looked up in
every way: in lines, from texts on the stack and in the memo, by extension
codes, and with a text that a call returns.
"""

import struct

# The codes that `copyreg.add_extension` gives a meaning, of one, two and four
# bytes.
EXTENSIONS = {1: ("ext", "one"), 0x1234: ("ext", "two"),
              0x12345678: ("ext", "four")}

# What a call of a global with this name returns; all others return an object.
MAKES_TEXT = "text_of"
MADE_TEXT = "made"

MODULES = ["os", "posix", "mod", "a.b", "__builtin__", "copy_reg", "commands",
           "itertools", "UserDict", "m\u00e9"]
NAMES = ["system", "eval", "x", "izip", "OrderedDict", "n\u00e9", "getoutput",
         MAKES_TEXT]
# Since protocol 4 a name may have several parts.
DOTTED = ["A.B", "os.system", "__init__.__globals__"]

# Kinds of values. A list of kinds also has MARK.
MARK, TEXT, CLASS, MAKER, TUPLE, DICT, LIST, SET, OBJECT, OTHER = range(10)
CALLABLE = (CLASS, MAKER)


def _u(size, number):
    return struct.pack("<Q", number)[:size]


class _Maker:

    def __init__(self, random):
        self.random = random
        self.protocol = random.choice([0, 0, 1, 2, 3, 4, 5, 5])
        self.out = bytearray()
        if self.protocol >= 2 or random.randrange(4) == 0:
            self.out += b"\x80" + _u(1, self.protocol)
        else:
            self.protocol = 0
        self.stack = []
        self.memo = {}

    # --- The stack ---

    def top(self, n):
        """The kinds of the last n values above the last mark, or None."""
        above = []
        for kind in reversed(self.stack):
            if kind == MARK or len(above) == n:
                break
            above.append(kind)
        return above[::-1] if len(above) == n else None

    def above_mark(self):
        """The kinds of the values above the last mark; None without one."""
        if MARK not in self.stack:
            return None
        at = len(self.stack) - 1 - self.stack[::-1].index(MARK)
        return self.stack[at + 1:]

    def pop_mark(self):
        above = self.above_mark()
        del self.stack[len(self.stack) - len(above) - 1:]
        return above

    def emit(self, code, pops=0, pushes=None):
        self.out += code
        if pops:
            del self.stack[len(self.stack) - pops:]
        if pushes is not None:
            self.stack.append(pushes)

    # --- Values ---

    def text(self, text):
        utf8 = text.encode()
        escaped = "".join(
            c if self.random.randrange(3) else "\\u%04x" % ord(c) for c in text)
        hexed = "".join("\\x%02x" % b if b > 126 or not self.random.randrange(3)
                        else chr(b) for b in utf8)
        quote = self.random.choice("'\"")
        self.emit(self.random.choice([
            b"V" + escaped.encode("raw-unicode-escape") + b"\n",
            b"S" + (quote + hexed + quote).encode() +
            self.random.choice([b"", b" ", b"\t\r"]) + b"\n",
            b"X" + _u(4, len(utf8)) + utf8,
            b"\x8c" + _u(1, len(utf8)) + utf8,
            b"\x8d" + _u(8, len(utf8)) + utf8,
            b"T" + _u(4, len(utf8)) + utf8,
            b"U" + _u(1, len(utf8)) + utf8,
        ]), pushes=TEXT)

    def other(self):
        self.emit(*self.random.choice([
            (b"N",), (b"\x88",), (b"\x89",), (b"I01\n",), (b"I -1_0 \n",),
            (b"L12L\n",), (b"L5\n",),
            (b"J\x01\x02\x03\x04",), (b"K\x01",), (b"M\x01\x02",),
            (b"\x8a\x01\x05",), (b"\x8b\x01\0\0\0\x05",), (b"F1.5\n",),
            (b"G12345678",), (b"C\x02ab",), (b"B\x02\0\0\0\x80.",),
            (b"\x8e" + _u(8, 1) + b"x",), (b"\x96" + _u(8, 1) + b"x",),
        ]), pushes=OTHER)

    def container(self):
        self.emit(*self.random.choice([
            (b")", 0, TUPLE), (b"}", 0, DICT), (b"]", 0, LIST),
            (b"\x8f", 0, SET)]))

    def names(self):
        name = self.random.choice(NAMES)
        if self.protocol >= 4 and self.random.randrange(4) == 0:
            name = self.random.choice(DOTTED)
        return self.random.choice(MODULES), name

    def kind_of(self, name):
        return MAKER if name == MAKES_TEXT else CLASS

    def lines(self):
        module, name = self.names()
        return (module + "\n" + name + "\n").encode(), self.kind_of(name)

    # --- Opcodes that may come next ---

    def choices(self):
        yield lambda: self.text(self.random.choice(MODULES + NAMES))
        yield self.other
        yield self.container
        yield self.look_up
        yield self.look_up
        yield lambda: self.emit(b"(", pushes=MARK)
        yield self.extension
        yield lambda: self.emit(b"P1\n", pushes=OBJECT)
        if self.memo:
            yield self.get
            yield self.get
        one = self.top(1)
        if one:
            yield self.put
            yield lambda: self.emit(b"2", pushes=one[0])
            yield lambda: self.emit(b"0", pops=1)
            yield lambda: self.emit(b"\x85", 1, TUPLE)
            yield lambda: self.emit(b"Q", 1, OBJECT)
        two = self.top(2)
        if two:
            yield lambda: self.emit(b"\x86", 2, TUPLE)
            if two == [TEXT, TEXT]:
                # What name the text is, only Python knows.
                yield lambda: self.emit(b"\x93", 2, CLASS)
            if two[0] in CALLABLE and two[1] == TUPLE:
                result = TEXT if two[0] == MAKER else OBJECT
                yield lambda: self.emit(b"R", 2, result)
                yield lambda: self.emit(b"R", 2, result)
                if two[0] == CLASS:
                    yield lambda: self.emit(b"\x81", 2, OBJECT)
            if two[0] == OBJECT and two[1] == TUPLE:
                yield lambda: self.emit(b"R", 2, OBJECT)
            if two[0] == OBJECT and two[1] in (DICT, TUPLE, LIST, OTHER):
                yield lambda: self.emit(b"b", 1)
            if two[0] in (LIST, OBJECT):
                yield lambda: self.emit(b"a", 1)
        three = self.top(3)
        if three:
            yield lambda: self.emit(b"\x87", 3, TUPLE)
            if three[0] == CLASS and three[1] == TUPLE and three[2] == DICT:
                yield lambda: self.emit(b"\x92", 3, OBJECT)
            if three[0] in (DICT, OBJECT) and three[1] in (TEXT, OTHER):
                yield lambda: self.emit(b"s", 2)
        above = self.above_mark()
        if above is not None:
            yield lambda: self.take(b"t", TUPLE)
            yield lambda: self.take(b"l", LIST)
            yield lambda: self.take(b"1", None)
            yield self.instance
            if len(above) % 2 == 0 and all(
                    kind in (TEXT, OTHER) for kind in above[::2]):
                yield lambda: self.take(b"d", DICT)
                if self.below_mark() in (DICT, OBJECT):
                    yield lambda: self.take(b"u", None)
            if above and above[0] in CALLABLE:
                yield lambda: self.take(
                    b"o", TEXT if above[0] == MAKER else OBJECT)
            if self.below_mark() in (LIST, OBJECT):
                yield lambda: self.take(b"e", None)
            if all(kind in (TEXT, OTHER, CLASS, OBJECT) for kind in above):
                yield lambda: self.take(b"\x91", SET)
                if self.below_mark() == SET:
                    yield lambda: self.take(b"\x90", None)

    def below_mark(self):
        at = len(self.stack) - 1 - len(self.above_mark())
        return self.stack[at - 1] if at > 0 else None

    def take(self, code, pushes):
        self.pop_mark()
        self.emit(code, pushes=pushes)

    def look_up(self):
        if self.random.randrange(2):
            lines, kind = self.lines()
            return self.emit(b"c" + lines, pushes=kind)
        module, name = self.names()
        self.text(module)
        if self.random.randrange(3) == 0:
            self.put()
            self.emit(b"0", pops=1)
            self.get(self.last_put)
        self.text(name)
        return self.emit(b"\x93", 2, self.kind_of(name))

    def instance(self):
        lines, kind = self.lines()
        self.take(b"i" + lines, TEXT if kind == MAKER else OBJECT)

    def extension(self):
        code = self.random.choice(list(EXTENSIONS))
        size = {1: 1, 0x1234: 2, 0x12345678: 4}[code]
        opcode = {1: b"\x82", 2: b"\x83", 4: b"\x84"}[size]
        self.emit(opcode + _u(size, code), pushes=CLASS)

    def put(self):
        index = self.random.choice(
            [self.random.randrange(4), self.random.randrange(256), 70000])
        if self.random.randrange(3) == 0:
            index = len(self.memo)
            self.out += b"\x94"
        elif index > 255 or self.random.randrange(3) == 0:
            self.out += self.random.choice(
                [b"r" + _u(4, index), b"p%d\n" % index, b"p +%d\n" % index])
        else:
            self.out += b"q" + _u(1, index)
        self.memo[index] = self.stack[-1]
        self.last_put = index

    def get(self, index=None):
        if index is None:
            index = self.random.choice(list(self.memo))
        code = [b"j" + _u(4, index), b"g%d\n" % index]
        if index < 256:
            code += [b"h" + _u(1, index)] * 2
        self.emit(self.random.choice(code), pushes=self.memo[index])

    # --- The whole ---

    def make(self):
        framed = self.protocol >= 4 and self.random.randrange(2)
        for _ in range(self.random.randint(1, 3)):
            begin = len(self.out)
            for _ in range(self.random.randint(1, 25)):
                self.random.choice(list(self.choices()))()
            if framed:
                # A frame around what was made, as writers make them.
                made = bytes(self.out[begin:])
                self.out[begin:] = b"\x95" + _u(8, len(made)) + made
        if self.top(1) is None:
            self.emit(b"N", pushes=OTHER)
        return bytes(self.out + b".")


def random_pickles(random, count):
    """Yields `count` pickles; of one seed always the same."""
    for _ in range(count):
        yield _Maker(random).make()
