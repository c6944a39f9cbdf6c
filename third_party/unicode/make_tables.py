"""Writes the character tables of src/data/unicode_tables.cpp: see README.md beside this file."""
import argparse
import ctypes
import ctypes.util
import importlib.metadata

from tokenizers import normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


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


def newer(package):
    """Code points that utf8proc normalises and the package, whose Unicode is older, does not know.

    `package` maps the name of a form to the package's function. Other code points with the same
    normal form, or the same canonical ordering among known marks, are the same to both.
    """
    library = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
    library.utf8proc_map.restype = ctypes.c_ssize_t
    library.utf8proc_map.argtypes = [ctypes.c_char_p, ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_int]
    libc = ctypes.CDLL(None)
    stable, compat, compose, decompose = 2, 4, 8, 16

    def utf8proc(text, options):
        data, out = text.encode(), ctypes.c_void_p()
        length = library.utf8proc_map(data, len(data), ctypes.byref(out), stable | options)
        result = ctypes.string_at(out, length).decode()
        libc.free(out)
        return result

    forms = {"NFD": decompose, "NFC": compose, "NFKD": compat | decompose, "NFKC": compat | compose}
    marks = "\u0334\u0316\u0301\u0345"  # of classes 1, 220, 230, 240
    found = set()
    for c in CODE_POINTS[1:]:  # the first ends utf8proc's strings
        texts = [chr(c)] + [text for m in marks for text in ("a" + chr(c) + m, "a" + m + chr(c))]
        if any(package[form](text) != utf8proc(text, options)
               for form, options in forms.items() for text in texts):
            found.add(c)
    # What a newer character is composed of does not compose.
    for c in list(found):
        found.update(ord(x) for x in utf8proc(chr(c), decompose)[1:] if ord(x) > 0x10000)
    return sorted(found)


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

    package = {form: getattr(normalizers, form)().normalize_str
               for form in ("NFC", "NFD", "NFKC", "NFKD")}
    letters, numbers, spaces = byte_level_classes()
    clean, strip = bert(clean_text=True), bert(strip_accents=True)
    chinese, lower = bert(handle_chinese_chars=True), bert(lowercase=True)
    accents = normalizers.StripAccents().normalize_str
    words = pre_tokenizers.Whitespace().pre_tokenize_str
    digits = pre_tokenizers.Digits().pre_tokenize_str
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    pairs = {
        "Letters": ranges(letters),
        "Numbers": ranges(numbers),
        "Spaces": ranges(spaces),
        "Removed": ranges(c for c in CODE_POINTS if clean(f"a{chr(c)}a") == "aa"),
        "Punctuation": ranges(c for c in CODE_POINTS if len(split(f"a{chr(c)}a")) == 3),
        "Chinese": ranges(c for c in CODE_POINTS if chinese(chr(c)) != chr(c)),
        "Marks": ranges(c for c in CODE_POINTS if accents(f"a{chr(c)}a") == "aa"),
        "Words": ranges(c for c in CODE_POINTS if len(words(f"a{chr(c)}")) == 1 and words(chr(c))),
        "Numeric": ranges(c for c in CODE_POINTS if len(digits(f"a{chr(c)}")) == 2),
        "Newer": ranges(newer(package)),
        "Nonspacing": ranges(c for c in CODE_POINTS if strip(f"a{chr(c)}a") == "aa"),
    }
    text = ("// Written by third_party/unicode/make_tables.py from tokenizers "
            f"{importlib.metadata.version('tokenizers')}; do not edit.\n"
            "// clang-format off\n#include \"data/unicode_tables.hpp\"\n\n"
            "namespace runner::data::unicode {\n\n")
    text += "\n".join(array("Range", name, runs) for name, runs in pairs.items())
    text += "\n" + array("LowerRange", "Lower",
                         [[a, b, str(s), str(d)] for a, b, s, d in lower_cases(lower)])
    text += "\n}  // namespace runner::data::unicode\n"
    with open(output, "w", encoding="ascii") as file:
        file.write(text)


if __name__ == "__main__":
    main()
