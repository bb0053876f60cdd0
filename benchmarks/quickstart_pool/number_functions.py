"""Specs of functions of numbers: divisibility, digits, primes and sequences."""

from __future__ import annotations

from quickstart_pool.specs import specs

NUMBER_SPECS = (
    *specs(
        "multiples",
        "multiples_of_$k|every_$k",
        "returns all multiples of $k below a limit|lists the positive numbers below a limit that $k divides",
        "limit: int",
        "list[int]",
        """
        return list(range($k, limit, $k))
        ---
        return [number for number in range(1, limit) if number % $k == 0]
        """,
        "f($k) == []\nf(3 * $k) == [$k, 2 * $k]",
        k="3 4 6 7 9 11",
    ),
    *specs(
        "power sum",
        "sum_of_powers_$k|power_sum_$k",
        "returns the sum of the first n numbers, each raised to the power $k|adds up 1, 2, ..., n after raising each "
        "to the power $k",
        "n: int",
        "int",
        """
        return sum(i**$k for i in range(1, n + 1))
        ---
        total = 0
        for i in range(1, n + 1):
            total += i**$k
        return total
        """,
        "f(1) == 1\nf(2) == 1 + 2**$k\nf(0) == 0",
        k="2 3 4",
    ),
    *specs(
        "factorial",
        "factorial|product_up_to",
        "computes the factorial of a number that is not negative|multiplies all whole numbers from 1 to n",
        "n: int",
        "int",
        """
        result = 1
        for factor in range(2, n + 1):
            result *= factor
        return result
        """,
        "f(0) == 1\nf(5) == 120",
    ),
    *specs(
        "digit sum",
        "digit_sum|sum_of_digits",
        "returns the sum of the decimal digits of a number|adds the digits of a number, ignoring its sign",
        "number: int",
        "int",
        """
        return sum(int(digit) for digit in str(abs(number)))
        ---
        total = 0
        rest = abs(number)
        while rest:
            total += rest % 10
            rest //= 10
        return total
        """,
        "f(1234) == 10\nf(-55) == 10\nf(0) == 0",
    ),
    *specs(
        "count digit",
        "count_digit_$d|how_many_${d}s",
        "counts how often the digit $d appears in a number|returns the number of times the digit $d is used when a "
        "number is written down",
        "number: int",
        "int",
        """
        return str(abs(number)).count("$d")
        ---
        total = 0
        for digit in str(abs(number)):
            if digit == "$d":
                total += 1
        return total
        """,
        "f(${d}0$d) == 2\nf(-$d) == 1\nf(888) == 0",
        d="1 2 3 5 7 9",
    ),
    *specs(
        "prime",
        "is_prime|check_prime",
        "tells whether a number is prime|checks if a number has no divisors other than 1 and itself",
        "number: int",
        "bool",
        """
        if number < 2:
            return False
        divisor = 2
        while divisor * divisor <= number:
            if number % divisor == 0:
                return False
            divisor += 1
        return True
        ---
        if number < 2:
            return False
        return all(number % divisor for divisor in range(2, int(number**0.5) + 1))
        """,
        "f(13) is True\nf(1) is False\nf(49) is False",
    ),
    *specs(
        "divisors",
        "divisors|all_divisors",
        "returns the divisors of a positive number in ascending order",
        "number: int",
        "list[int]",
        """
        return [d for d in range(1, number + 1) if number % d == 0]
        ---
        small, large = [], []
        for d in range(1, int(number**0.5) + 1):
            if number % d == 0:
                small.append(d)
                if d != number // d:
                    large.append(number // d)
        return small + large[::-1]
        """,
        "f(12) == [1, 2, 3, 4, 6, 12]\nf(1) == [1]\nf(9) == [1, 3, 9]",
    ),
    *specs(
        "prime factors",
        "prime_factors|factorise",
        "splits a number above 1 into its prime factors, smallest first",
        "number: int",
        "list[int]",
        """
        factors = []
        divisor = 2
        while number > 1:
            while number % divisor == 0:
                factors.append(divisor)
                number //= divisor
            divisor += 1
        return factors
        """,
        "f(60) == [2, 2, 3, 5]\nf(7) == [7]",
    ),
    *specs(
        "common divisor",
        "greatest_common_divisor|gcd",
        "finds the greatest common divisor of two positive numbers with Euclid's algorithm",
        "a: int; b: int",
        "int",
        """
        while b:
            a, b = b, a % b
        return a
        """,
        "f(12, 18) == 6\nf(7, 5) == 1",
    ),
    *specs(
        "common multiple",
        "least_common_multiple|lcm",
        "returns the least common multiple of two positive numbers",
        "a: int; b: int",
        "int",
        """
        multiple = a
        while multiple % b:
            multiple += a
        return multiple
        """,
        "f(4, 6) == 12\nf(5, 10) == 10",
    ),
    *specs(
        "sequence",
        "${kind}_numbers|first_$kind",
        "returns the first n numbers of the $kind sequence, which starts with $a and $b and in which each number is "
        "the sum of the two before",
        "n: int",
        "list[int]",
        """
        result = []
        first, second = $a, $b
        for _ in range(n):
            result.append(first)
            first, second = second, first + second
        return result
        ---
        result = [$a, $b]
        while len(result) < n:
            result.append(result[-1] + result[-2])
        return result[:n]
        """,
        "f(1) == [$a]\nf(4) == [$a, $b, $a + $b, $a + 2 * $b]",
        kind="fibonacci lucas",
        a="0 2",
        b="1 1",
    ),
    *specs(
        "collatz",
        "collatz_steps|steps_to_one",
        "counts the steps until a number reaches 1 when even numbers are halved and odd ones are tripled and "
        "increased by one",
        "number: int",
        "int",
        """
        steps = 0
        while number != 1:
            number = number // 2 if number % 2 == 0 else 3 * number + 1
            steps += 1
        return steps
        """,
        "f(1) == 0\nf(6) == 8",
    ),
)
