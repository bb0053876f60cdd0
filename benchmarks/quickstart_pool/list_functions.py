"""Specs of functions of one list: order, repeats, sums and neighbours."""

from __future__ import annotations

from quickstart_pool.specs import specs

LIST_SPECS = (
    *specs(
        "extreme",
        "second_$which|runner_up_$which",
        "returns the second $which value of a list, counting equal values once",
        "values: list[int]",
        "int",
        """
        return sorted(set(values)$order)[1]
        ---
        best = $pick(values)
        return $pick(value for value in values if value != best)
        """,
        "f([4, 9, 1, 9]) == 4\nf([7, 8, 6]) == 7",
        which="largest smallest",
        order=",~reverse=True ,~reverse=False",
        pick="max min",
    ),
    *specs(
        "top",
        "top_$k|largest_$k",
        "returns the $k largest values of a list, largest first|finds the $k greatest values and lists them in "
        "descending order",
        "values: list[int]",
        "list[int]",
        """
        return sorted(values, reverse=True)[:$k]
        ---
        rest = list(values)
        result = []
        while rest and len(result) < $k:
            largest = max(rest)
            rest.remove(largest)
            result.append(largest)
        return result
        """,
        "f(list(range(10))) == list(range(9, 9 - $k, -1))\nf([1]) == [1]",
        k="2 3 4 5",
    ),
    *specs(
        "unique",
        "unique|without_repeats",
        "removes repeated values from a list and keeps the first of each in place",
        "items: list",
        "list",
        """
        result = []
        for item in items:
            if item not in result:
                result.append(item)
        return result
        ---
        return list(dict.fromkeys(items))
        """,
        'f([3, 1, 3, 2, 1]) == [3, 1, 2]\nf(["a", "a"]) == ["a"]',
    ),
    *specs(
        "chunks",
        "chunks_of_$k|split_into_${k}s",
        "splits a list into parts of $k items, the last of which may be shorter",
        "items: list",
        "list[list]",
        """
        return [items[i : i + $k] for i in range(0, len(items), $k)]
        ---
        result = []
        for start in range(0, len(items), $k):
            result.append(items[start : start + $k])
        return result
        """,
        "f([]) == []\nf([1] * ($k + 1)) == [[1] * $k, [1]]",
        k="2 3 4 5",
    ),
    *specs(
        "running",
        "running_$name|cumulative_$name",
        "returns the running $name of a list, one for each prefix",
        "values: list[int]",
        "list[int]",
        """
        result = []
        for value in values:
            result.append(value if not result else $step)
        return result
        ---
        from itertools import accumulate

        return list(accumulate(values, $function))
        """,
        "f([2, 1, 3]) == $want\nf([]) == []",
        name="sum maximum minimum product",
        step="result[-1]~+~value max(result[-1],~value) min(result[-1],~value) result[-1]~*~value",
        function="lambda~a,~b:~a~+~b max min lambda~a,~b:~a~*~b",
        want="[2,3,6] [2,2,3] [2,1,1] [2,2,6]",
    ),
    *specs(
        "differences",
        "differences|gaps",
        "returns the differences between neighbouring values of a list",
        "values: list[int]",
        "list[int]",
        """
        return [b - a for a, b in zip(values, values[1:])]
        ---
        result = []
        for i in range(1, len(values)):
            result.append(values[i] - values[i - 1])
        return result
        """,
        "f([1, 4, 9]) == [3, 5]\nf([5]) == []",
    ),
    *specs(
        "mean",
        "average|mean",
        "returns the arithmetic mean of a list, or $empty for an empty one",
        "values: list[float]",
        "float",
        """
        if not values:
            return $empty
        return sum(values) / len(values)
        ---
        return sum(values) / len(values) if values else $empty
        """,
        "f([1, 2, 6]) == 3\nf([]) == $empty",
        empty="0.0 -1.0",
    ),
    *specs(
        "median",
        "median|middle_value",
        "returns the median of a list of numbers that is not empty",
        "values: list[float]",
        "float",
        """
        ordered = sorted(values)
        middle = len(ordered) // 2
        if len(ordered) % 2:
            return ordered[middle]
        return (ordered[middle - 1] + ordered[middle]) / 2
        """,
        "f([5, 1, 3]) == 3\nf([1, 2, 3, 4]) == 2.5",
    ),
    *specs(
        "mode",
        "most_common|favourite",
        "returns the value that occurs most often in a list, the earliest one in a tie",
        "items: list",
        "object",
        """
        return max(items, key=items.count)
        ---
        counts = {}
        for item in items:
            counts[item] = counts.get(item, 0) + 1
        return max(counts, key=counts.get)
        """,
        'f(["b", "a", "b"]) == "b"\nf([1, 2]) == 1',
    ),
    *specs(
        "sorted check",
        "is_$order|check_$order",
        "tells whether the values of a list are in $order order, equal neighbours being allowed",
        "values: list[int]",
        "bool",
        """
        return all(a $op b for a, b in zip(values, values[1:]))
        ---
        for i in range(len(values) - 1):
            if not values[i] $op values[i + 1]:
                return False
        return True
        """,
        "f([2, 2]) is True\nf([]) is True\nf([1, 2, 3]) is $up",
        order="ascending descending",
        op="<= >=",
        up="True False",
    ),
    *specs(
        "pairs sum",
        "pairs_with_sum_$k|pairs_adding_to_$k",
        "finds all pairs of values in a list that add up to $k, the earlier value first",
        "values: list[int]",
        "list[tuple[int, int]]",
        """
        result = []
        for i, a in enumerate(values):
            for b in values[i + 1 :]:
                if a + b == $k:
                    result.append((a, b))
        return result
        ---
        from itertools import combinations

        return [(a, b) for a, b in combinations(values, 2) if a + b == $k]
        """,
        "f([1, $k - 1, 50]) == [(1, $k - 1)]\nf([]) == []",
        k="7 10 12 20",
    ),
    *specs(
        "index",
        "$name",
        "returns the position of the $which value that is above a limit, or -1 if there is none",
        "values: list[int]; limit: int",
        "int",
        """
        found = [i for i, value in enumerate(values) if value > limit]
        return found[$at] if found else -1
        ---
        for i in $order:
            if values[i] > limit:
                return i
        return -1
        """,
        "f([1, 5, 7, 2], 4) == $want\nf([1], 4) == -1",
        which="first last",
        name="first_above last_above",
        at="0 -1",
        order="range(len(values)) range(len(values)~-~1,~-1,~-1)",
        want="1 2",
    ),
    *specs(
        "moving",
        "moving_average_$k|smooth_$k",
        "returns the means of all $k neighbouring values of a list",
        "values: list[float]",
        "list[float]",
        """
        return [sum(values[i : i + $k]) / $k for i in range(len(values) - $k + 1)]
        """,
        "f([6] * ($k + 1)) == [6, 6]\nf([1]) == []",
        k="2 3 4",
    ),
)
