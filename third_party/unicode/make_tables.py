"""Writes the character tables of src/data/unicode_tables.cpp: see README.md beside this file."""
import argparse
import importlib.metadata
import unicodedata

from tokenizers import normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
HANGUL = range(0xAC00, 0xD7A4)  # decomposed by arithmetic, not by table


def ranges(points):
    """[first, last] of each run of a sorted list of code points."""
    runs = []
    for c in points:
        if runs and runs[-1][1] == c - 1:
            runs[-1][1] = c
        else:
            runs.append([c, c])
    return runs


def bert(**options):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **options}).normalize_str


def byte_level_classes():
    """Letters, numbers and white space as the pattern of ByteLevel sees them."""
    words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True).pre_tokenize_str
    letters, numbers, spaces = [], [], []
    for c in CODE_POINTS:
        if len(words("a" + chr(c))) == 1:
            letters.append(c)
        elif len(words("1" + chr(c))) == 1:
            numbers.append(c)
        elif len(words("!" + chr(c))) == 2:
            spaces.append(c)
    return letters, numbers, spaces


def combining_classes(nfd):
    """[first, last, class] of every code point that NFD reorders.

    The class is read off the order in which NFD puts a code point and one of known class.
    """
    def moves(left, right):
        return nfd("a" + left + right) == "a" + right + left and left != right

    def combines(c):
        return moves(c, "\u0334") or moves("\u0345", c)  # the lowest and the highest class

    known = {1: "\u0334", 240: "\u0345"}
    for c in map(chr, CODE_POINTS):
        if unicodedata.combining(c) and len(nfd(c)) == 1 and combines(c):
            known.setdefault(unicodedata.combining(c), c)
    classes = sorted(known)
    runs = []
    for c in CODE_POINTS:
        if len(nfd(chr(c))) > 1:
            continue  # what it decomposes to is reordered, not itself
        if not combines(chr(c)):
            continue
        below = [k for k in classes if moves(chr(c), known[k])]
        above = [k for k in classes if moves(known[k], chr(c))]
        own = [k for k in classes if k not in below and k not in above]
        assert len(own) == 1, (hex(c), own)
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == own[0]:
            runs[-1][1] = c
        else:
            runs.append([c, c, own[0]])
    return runs


def decompositions(nfd):
    """(code point, full canonical decomposition) without the Hangul syllables."""
    return [(c, [ord(x) for x in nfd(chr(c))]) for c in CODE_POINTS
            if c not in HANGUL and nfd(chr(c)) != chr(c)]


def lower_cases(lower):
    """[first, last, step, difference] of every code point with one other lower case."""
    runs = []
    for c in CODE_POINTS:
        out = lower(chr(c))
        if out == chr(c):
            continue
        if len(out) > 1:
            assert c == 0x130, hex(c)  # written out in unicode.cpp
            continue
        difference = ord(out) - c
        if runs and runs[-1][3] == difference and c - runs[-1][1] in (1, 2):
            first, last, step, _ = runs[-1]
            if first == last or c - last == step:
                runs[-1][1:3] = [c, c - last]
                continue
        runs.append([c, c, 1, difference])
    return runs


def rows(items):
    """Items joined into lines of at most 100 columns."""
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) + 2 > 100:
            lines.append(line)
            line = "   "
        line += " " + item + ","
    return "\n".join(lines + [line])


def array(kind, name, items):
    items = ["{" + ", ".join(x if isinstance(x, str) else f"0x{x:X}" for x in i) + "}" for i in items]
    return (f"constexpr {kind} k{name}Table[] = {{\n{rows(items)}\n}};\n"
            f"const std::span<const {kind}> k{name} = k{name}Table;\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output")
    output = parser.parse_args().output

    nfd = normalizers.NFD().normalize_str
    letters, numbers, spaces = byte_level_classes()
    clean, strip = bert(clean_text=True), bert(strip_accents=True)
    chinese, lower = bert(handle_chinese_chars=True), bert(lowercase=True)
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    pairs = {
        "Letters": ranges(letters),
        "Numbers": ranges(numbers),
        "Spaces": ranges(spaces),
        "Removed": ranges(c for c in CODE_POINTS if clean(f"a{chr(c)}a") == "aa"),
        "Punctuation": ranges(c for c in CODE_POINTS if len(split(f"a{chr(c)}a")) == 3),
        "Chinese": ranges(c for c in CODE_POINTS if chinese(chr(c)) != chr(c)),
        "Nonspacing": ranges(c for c in CODE_POINTS if strip(f"a{chr(c)}a") == "aa"),
    }
    text = ("// Written by third_party/unicode/make_tables.py from tokenizers "
            f"{importlib.metadata.version('tokenizers')}; do not edit.\n"
            "// clang-format off\n#include \"data/unicode_tables.hpp\"\n\n"
            "namespace runner::data::unicode {\n\n")
    text += "\n".join(array("Range", name, runs) for name, runs in pairs.items())
    text += "\n" + array("CombiningRange", "Combining",
                         [[a, b, str(k)] for a, b, k in combining_classes(nfd)])
    text += "\n" + array("LowerRange", "Lower",
                         [[a, b, str(s), str(d)] for a, b, s, d in lower_cases(lower)])
    text += "\n" + array("Decomposition", "Decompositions",
                         [[c, "{" + ", ".join(f"0x{x:X}" for x in to) + "}"]
                          for c, to in decompositions(nfd)])
    text += "\n}  // namespace runner::data::unicode\n"
    with open(output, "w", encoding="ascii") as file:
        file.write(text)


if __name__ == "__main__":
    main()
