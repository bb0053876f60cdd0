"""Specs of functions of words: their order, length, letters and spelling."""

from __future__ import annotations

from quickstart_pool.specs import specs

WORD_SPECS = (
    *specs(
        "reverse words",
        "reverse_words|words_backwards",
        "reverses the order of the words in a text",
        "text: str",
        "str",
        """
        return " ".join(reversed(text.split()))
        ---
        words = text.split()
        words.reverse()
        return " ".join(words)
        """,
        'f("one two three") == "three two one"\nf("") == ""',
    ),
    *specs(
        "reverse each",
        "reverse_each_word|flip_words",
        "reverses every word of a text but keeps the words in their order",
        "text: str",
        "str",
        """
        return " ".join(word[::-1] for word in text.split())
        """,
        'f("abc de") == "cba ed"',
    ),
    *specs(
        "palindrome",
        "is_palindrome|reads_the_same_backwards",
        "checks whether a text reads the same in both directions when case and everything but letters are ignored",
        "text: str",
        "bool",
        """
        letters = [c for c in text.lower() if c.isalpha()]
        return letters == letters[::-1]
        ---
        letters = "".join(c for c in text.lower() if c.isalpha())
        for i in range(len(letters) // 2):
            if letters[i] != letters[-1 - i]:
                return False
        return True
        """,
        'f("Never odd or even") is True\nf("palindrome") is False',
    ),
    *specs(
        "anagram",
        "are_anagrams|same_letters",
        "tells whether two words consist of the same letters, ignoring case",
        "first: str; second: str",
        "bool",
        """
        return sorted(first.lower()) == sorted(second.lower())
        ---
        left = list(second.lower())
        for letter in first.lower():
            if letter not in left:
                return False
            left.remove(letter)
        return not left
        """,
        'f("Listen", "silent") is True\nf("abc", "abd") is False\nf("ab", "abb") is False',
    ),
    *specs(
        "initials",
        "initials|first_letters",
        "returns the initials of a full name in upper case, each followed by a full stop",
        "name: str",
        "str",
        """
        return "".join(part[0].upper() + "." for part in name.split())
        ---
        result = ""
        for part in name.split():
            result += part[0].upper() + "."
        return result
        """,
        'f("ada lovelace") == "A.L."\nf("Grace Brewster Hopper") == "G.B.H."',
    ),
    *specs(
        "longest word",
        "longest_word|find_longest",
        "returns the longest word of a text, the first one if several are equally long",
        "text: str",
        "str",
        """
        return max(text.split(), key=len)
        ---
        best = ""
        for word in text.split():
            if len(word) > len(best):
                best = word
        return best
        """,
        'f("a quick test") == "quick"\nf("one two") == "one"',
    ),
    *specs(
        "count words",
        "count_words_$name|words_$name",
        "counts the words of a text that have $how $n letters",
        "text: str",
        "int",
        """
        return sum(1 for word in text.split() if len(word) $op $n)
        ---
        return len([word for word in text.split() if len(word) $op $n])
        """,
        'f("a bb ccc dddd eeeee ffffff ggggggg") == $want',
        name="exact at_least at_most",
        how="exactly at~least at~most",
        op="== >= <=",
        n="3 4 5",
        want="1 4 5",
    ),
    *specs(
        "long words",
        "words_longer_than_$n|long_words",
        "returns the words of a text that have more than $n letters|collects every word with more than $n letters "
        "from a text",
        "text: str",
        "list[str]",
        """
        return [word for word in text.split() if len(word) > $n]
        ---
        result = []
        for word in text.split():
            if len(word) > $n:
                result.append(word)
        return result
        """,
        'f("x" * $n) == []\nf("x" * $n + " " + "y" * ($n + 1)) == ["y" * ($n + 1)]',
        n="3 4 5 6 7",
    ),
    *specs(
        "snake",
        "to_${case}_case|${case}_case",
        "turns a phrase of several words into $case case by writing it in lower case with $sign between the words",
        "text: str",
        "str",
        """
        return "$sign".join(text.lower().split())
        ---
        words = [word.lower() for word in text.split()]
        return "$sign".join(words)
        """,
        'f("Two Words") == "two${sign}words"\nf("One") == "one"',
        case="snake kebab dot",
        sign="_ - .",
    ),
    *specs(
        "camel",
        "to_camel_case|camel",
        "converts a name such as first_day_off to camel case, so that it becomes firstDayOff",
        "name: str",
        "str",
        """
        first, *rest = name.split("_")
        return first + "".join(part.capitalize() for part in rest)
        """,
        'f("first_day_off") == "firstDayOff"\nf("x") == "x"',
    ),
    *specs(
        "vowel start",
        "starts_with_vowel|begins_with_vowel",
        "tells whether a word starts with a vowel, in either case",
        "word: str",
        "bool",
        """
        return word[:1].lower() in ("a", "e", "i", "o", "u")
        ---
        if not word:
            return False
        return word[0] in "aeiouAEIOU"
        """,
        'f("Apple") is True\nf("pear") is False\nf("") is False',
    ),
    *specs(
        "title",
        "headline|title_words",
        "capitalises every word of a text that has more than $n letters|writes the words of more than $n letters "
        "with a capital and leaves shorter words alone",
        "text: str",
        "str",
        """
        return " ".join(word.capitalize() if len(word) > $n else word for word in text.split())
        """,
        'f("a " + "b" * ($n + 1)) == "a B" + "b" * $n',
        n="2 3",
    ),
)
