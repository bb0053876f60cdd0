"""Specs of functions that apply a rule to a number: bounds, number bases, clocks, calendars, prices and grades."""

from __future__ import annotations

from quickstart_pool.specs import specs

RULE_SPECS = (
    *specs(
        "clamp",
        "clamp|limit_to_range",
        "restricts a number to the range between a lower and an upper bound|returns a number unchanged if it lies "
        "between two bounds, and the nearer bound otherwise",
        "number: float; low: float; high: float",
        "float",
        """
        return max(low, min(number, high))
        ---
        if number < low:
            return low
        if number > high:
            return high
        return number
        """,
        "f(5, 1, 10) == 5\nf(-3, 0, 4) == 0\nf(9, 0, 4) == 4",
    ),
    *specs(
        "round to",
        "round_to_$k|nearest_$k",
        "rounds a whole number down to a multiple of $k|returns the largest multiple of $k that is not above a given "
        "whole number",
        "number: int",
        "int",
        """
        return number // $k * $k
        ---
        return number - number % $k
        """,
        "f($k + 1) == $k\nf(2 * $k) == 2 * $k\nf($k - 1) == 0",
        k="5 10 15 25 50",
    ),
    *specs(
        "base",
        "to_base_$b|in_base_$b",
        "converts a number that is not negative to a string of digits in base $b|writes a whole number in base $b",
        "number: int",
        "str",
        """
        if number == 0:
            return "0"
        digits = ""
        while number:
            digits = str(number % $b) + digits
            number //= $b
        return digits
        """,
        'f(0) == "0"\nf($b) == "10"\nf($b * $b + 1) == "101"',
        b="2 3 4 5 8",
    ),
    *specs(
        "clock",
        "format_$unit|show_$unit",
        "formats a number of $unit as $big and $unit, such as 2:05|turns a count of $unit into text with $big before "
        "the colon and two digits of $unit after it",
        "count: int",
        "str",
        """
        large, small = divmod(count, 60)
        return f"{large}:{small:02d}"
        ---
        return str(count // 60) + ":" + str(count % 60).zfill(2)
        """,
        'f(125) == "2:05"\nf(59) == "0:59"',
        unit="minutes seconds",
        big="hours minutes",
    ),
    *specs(
        "leap",
        "is_leap_year|leap_year",
        "tells whether a year is a leap year in the Gregorian calendar",
        "year: int",
        "bool",
        """
        return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        ---
        if year % 400 == 0:
            return True
        if year % 100 == 0:
            return False
        return year % 4 == 0
        """,
        "f(2024) is True\nf(1900) is False\nf(2000) is True\nf(2023) is False",
    ),
    *specs(
        "tip",
        "add_${p}_percent|with_$p",
        "adds $p per cent to a price and rounds to two decimals|returns a price after an increase of $p %, rounded "
        "to cents",
        "price: float",
        "float",
        """
        return round(price * (1 + $p / 100), 2)
        ---
        extra = price * $p / 100
        return round(price + extra, 2)
        """,
        "f(100) == 100 + $p\nf(0) == 0",
        p="7 10 12 19 25",
    ),
    *specs(
        "tier",
        "shipping_cost|delivery_fee",
        "returns the delivery fee of an order: nothing from $free dollars on, $low dollars from $step dollars on, "
        "and $high dollars below that",
        "amount: float",
        "int",
        """
        if amount >= $free:
            return 0
        if amount >= $step:
            return $low
        return $high
        """,
        "f($free) == 0\nf($step) == $low\nf($step - 1) == $high",
        free="50 80 100 120",
        step="20 30 40 60",
        low="3 4 5 6",
        high="6 7 9 11",
    ),
    *specs(
        "grade",
        "grade|letter_grade",
        "gives the letter for a score: A from $a points, B from $b, and C below that|translates points into A (at "
        "least $a), B (at least $b) or C",
        "score: int",
        "str",
        """
        if score >= $a:
            return "A"
        if score >= $b:
            return "B"
        return "C"
        ---
        return "A" if score >= $a else "B" if score >= $b else "C"
        """,
        'f($a) == "A"\nf($a - 1) == "B"\nf($b - 1) == "C"',
        a="90 85 80 70",
        b="75 65 60 45",
    ),
    *specs(
        "fizz",
        "say_$word|${word}_game",
        "returns the numbers from 1 to n as strings, with '$word' in place of every multiple of $k",
        "n: int",
        "list[str]",
        """
        return ["$word" if i % $k == 0 else str(i) for i in range(1, n + 1)]
        ---
        result = []
        for i in range(1, n + 1):
            if i % $k == 0:
                result.append("$word")
            else:
                result.append(str(i))
        return result
        """,
        'f(2) == ["1", "2"]\nf($k)[-1] == "$word"',
        word="fizz clap buzz moo",
        k="3 4 5 7",
    ),
    *specs(
        "triangle",
        "is_triangle|valid_triangle",
        "checks whether three lengths can be the sides of a triangle",
        "a: float; b: float; c: float",
        "bool",
        """
        return a + b > c and a + c > b and b + c > a
        ---
        short, middle, long = sorted([a, b, c])
        return short + middle > long
        """,
        "f(3, 4, 5) is True\nf(1, 2, 3) is False",
    ),
)
