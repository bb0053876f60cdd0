"""Specs of functions of texts, seen as rows of characters."""

from __future__ import annotations

from quickstart_pool.specs import specs

TEXT_SPECS = (
    *specs(
        "count letters",
        "count_$what|number_of_$what",
        "counts the $what in a text, in upper and lower case|returns how many $what a text contains, whatever their "
        "case",
        "text: str",
        "int",
        """
        return sum(1 for letter in text.lower() if letter in "$set")
        ---
        total = 0
        for letter in text.lower():
            if letter in "$set":
                total += 1
        return total
        """,
        'f("$set") == len("$set")\nf("$set".upper() + " -") == len("$set")\nf("") == 0',
        what="vowels digits consonants brackets",
        set="aeiou 0123456789 bcdfghjklmnpqrstvwxyz ()[]{}",
    ),
    *specs(
        "shorten",
        "shorten_to_$n|truncate_$n",
        "shortens a text of more than $n characters to its first $n and adds three dots|returns a text unchanged if "
        "it has at most $n characters, else its first $n characters followed by '...'",
        "text: str",
        "str",
        """
        if len(text) <= $n:
            return text
        return text[:$n] + "..."
        ---
        return text if len(text) <= $n else f"{text[:$n]}..."
        """,
        'f("x" * $n) == "x" * $n\nf("y" * ($n + 5)) == "y" * $n + "..."',
        n="8 12 20 40",
    ),
    *specs(
        "frequency",
        "letter_counts|count_each_letter",
        "counts how often each letter occurs in a text and returns a dictionary",
        "text: str",
        "dict[str, int]",
        """
        counts = {}
        for letter in text:
            if letter.isalpha():
                counts[letter] = counts.get(letter, 0) + 1
        return counts
        ---
        from collections import Counter

        return dict(Counter(letter for letter in text if letter.isalpha()))
        """,
        'f("noon!") == {"n": 2, "o": 2}\nf("") == {}',
    ),
    *specs(
        "caesar",
        "shift_by_$k|rotate_letters_$k",
        "moves every lower-case letter of a text $k places further in the alphabet, starting again at a after "
        "z|encrypts lower-case letters by shifting them $k places and leaves all else as it is",
        "text: str",
        "str",
        """
        result = ""
        for c in text:
            if "a" <= c <= "z":
                c = chr((ord(c) - ord("a") + $k) % 26 + ord("a"))
            result += c
        return result
        """,
        'f("a b") == "$a $b"\nf("z") == "$z"\nf("Q!") == "Q!"',
        k="1 3 5 13",
        a="b d f n",
        b="c e g o",
        z="a c e m",
    ),
    *specs(
        "remove",
        "remove_$what|without_$what",
        "removes all $what from a text|returns a text without its $what",
        "text: str",
        "str",
        """
        return "".join(c for c in text if $keep)
        ---
        result = ""
        for c in text:
            if $keep:
                result += c
        return result
        """,
        'f("Ab 1-c") == "$want"',
        what="digits spaces punctuation letters",
        keep="not~c.isdigit() not~c.isspace() c.isalnum()~or~c.isspace() not~c.isalpha()",
        want="Ab~-c Ab1-c Ab~1c ~1-",
    ),
    *specs(
        "mask",
        "mask_$what|hide_$what",
        "replaces all but the last $n characters of a text by $sign|hides a text behind $sign except for its last $n "
        "characters",
        "text: str",
        "str",
        """
        hidden = max(len(text) - $n, 0)
        return "$sign" * hidden + text[hidden:]
        """,
        'f("x" * $n) == "x" * $n\nf("ab" + "c" * $n) == "$sign" * 2 + "c" * $n',
        what="card phone code",
        n="4 3 2",
        sign="* # x",
    ),
    *specs(
        "repeat",
        "has_double_$what|double_$what",
        "tells whether a text contains the same $what twice in a row",
        "text: str",
        "bool",
        """
        parts = $parts
        return any(a == b for a, b in zip(parts, parts[1:]))
        ---
        parts = $parts
        for i in range(1, len(parts)):
            if parts[i] == parts[i - 1]:
                return True
        return False
        """,
        'f("$yes") is True\nf("$no") is False',
        what="character word",
        parts="list(text) text.split()",
        yes="letter a~a~b",
        no="later a~b~a",
    ),
    *specs(
        "parse pairs",
        "parse_$what|read_$what",
        "parses a text such as '$show' into a dictionary of strings",
        "text: str",
        "dict[str, str]",
        """
        result = {}
        for part in text.split("$outer"):
            key, value = part.split("$inner")
            result[key] = value
        return result
        ---
        return dict(part.split("$inner") for part in text.split("$outer"))
        """,
        'f("$show") == {"a": "1", "b": "2"}',
        what="query settings pairs",
        show="a=1&b=2 a:1;b:2 a-1,b-2",
        outer="& ; ,",
        inner="= : -",
    ),
    *specs(
        "extension",
        "file_extension|extension_of",
        "returns the extension of a file name without the dot, or an empty string if there is none",
        "name: str",
        "str",
        """
        if "." not in name:
            return ""
        return name.rsplit(".", 1)[1]
        ---
        _, dot, extension = name.rpartition(".")
        return extension if dot else ""
        """,
        'f("photo.small.png") == "png"\nf("README") == ""',
    ),
    *specs(
        "compress",
        "run_lengths|compress",
        "writes each run of equal characters in a text as the character followed by its count",
        "text: str",
        "str",
        """
        result = ""
        i = 0
        while i < len(text):
            end = i
            while end < len(text) and text[end] == text[i]:
                end += 1
            result += text[i] + str(end - i)
            i = end
        return result
        ---
        from itertools import groupby

        return "".join(f"{key}{len(list(run))}" for key, run in groupby(text))
        """,
        'f("aaabcc") == "a3b1c2"\nf("") == ""',
    ),
)
