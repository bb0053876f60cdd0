"""Specs of functions of several lists, tables and dictionaries."""

from __future__ import annotations

from quickstart_pool.specs import specs

TABLE_SPECS = (
    *specs(
        "rotate",
        "rotate_$side|turn_$side",
        "rotates a list by k places to the $side",
        "items: list; k: int",
        "list",
        """
        if not items:
            return []
        k = $sign % len(items)
        return items[k:] + items[:k]
        """,
        "f([1, 2, 3, 4], 1) == $want\nf([], 3) == []\nf([1, 2], 2) == [1, 2]",
        side="left right",
        sign="k -k",
        want="[2,3,4,1] [4,1,2,3]",
    ),
    *specs(
        "flatten",
        "flatten|join_lists",
        "joins a list of lists into one list",
        "rows: list[list]",
        "list",
        """
        return [item for row in rows for item in row]
        ---
        result = []
        for row in rows:
            result.extend(row)
        return result
        """,
        "f([[1], [], [2, 3]]) == [1, 2, 3]\nf([]) == []",
    ),
    *specs(
        "merge",
        "merge_sorted|merge",
        "merges two sorted lists into one sorted list without calling sort",
        "first: list[int]; second: list[int]",
        "list[int]",
        """
        result = []
        i = j = 0
        while i < len(first) and j < len(second):
            if first[i] <= second[j]:
                result.append(first[i])
                i += 1
            else:
                result.append(second[j])
                j += 1
        return result + first[i:] + second[j:]
        """,
        "f([1, 4], [2, 3, 9]) == [1, 2, 3, 4, 9]\nf([], [5]) == [5]",
    ),
    *specs(
        "search",
        "binary_search|find_sorted",
        "searches a sorted list for a value by halving and returns its position, or -1",
        "values: list[int]; wanted: int",
        "int",
        """
        low, high = 0, len(values) - 1
        while low <= high:
            middle = (low + high) // 2
            if values[middle] == wanted:
                return middle
            if values[middle] < wanted:
                low = middle + 1
            else:
                high = middle - 1
        return -1
        """,
        "f([2, 5, 8, 11], 8) == 2\nf([2, 5], 4) == -1",
    ),
    *specs(
        "set operation",
        "$name",
        "returns the sorted values that occur in $where|lists, in ascending order and without repeats, the values "
        "found in $where",
        "first: list[int]; second: list[int]",
        "list[int]",
        """
        return sorted(set(first) $op set(second))
        """,
        "f([1, 2, 2], [2, 3]) == $want",
        name="in_both in_either only_in_first in_exactly_one",
        where="both~lists at~least~one~of~two~lists the~first~list~but~not~in~the~second exactly~one~of~two~lists",
        op="& | - ^",
        want="[2] [1,2,3] [1] [1,3]",
    ),
    *specs(
        "transpose",
        "transpose|rows_to_columns",
        "exchanges the rows and columns of a table given as a list of rows",
        "rows: list[list]",
        "list[list]",
        """
        return [list(column) for column in zip(*rows)]
        ---
        result = []
        for i in range(len(rows[0])):
            result.append([row[i] for row in rows])
        return result
        """,
        "f([[1, 2], [3, 4]]) == [[1, 3], [2, 4]]\nf([[5, 6]]) == [[5], [6]]",
    ),
    *specs(
        "invert",
        "invert|swap_keys_and_values",
        "turns the keys of a dictionary into values and its values into keys",
        "mapping: dict",
        "dict",
        """
        return {value: key for key, value in mapping.items()}
        ---
        result = {}
        for key in mapping:
            result[mapping[key]] = key
        return result
        """,
        'f({"a": 1, "b": 2}) == {1: "a", 2: "b"}\nf({}) == {}',
    ),
    *specs(
        "stock",
        "${what}_items|find_$what",
        "returns the names of the items whose stock is $how $k, sorted by name",
        "stock: dict[str, int]",
        "list[str]",
        """
        return sorted(name for name, count in stock.items() if count $op $k)
        ---
        result = []
        for name, count in stock.items():
            if count $op $k:
                result.append(name)
        result.sort()
        return result
        """,
        'f({"nut": $k - 1, "bolt": $k + 1}) == ["$want"]\nf({}) == []',
        what="scarce plentiful missing spare",
        how="below above below above",
        k="5 100 1 20",
        op="< > < >",
        want="nut bolt nut bolt",
    ),
    *specs(
        "total by",
        "total_per_$key|sum_by_$key",
        "adds up the amounts of a list of ($key, amount) pairs for each $key",
        "entries: list[tuple[str, int]]",
        "dict[str, int]",
        """
        totals = {}
        for $key, amount in entries:
            totals[$key] = totals.get($key, 0) + amount
        return totals
        ---
        from collections import defaultdict

        totals = defaultdict(int)
        for $key, amount in entries:
            totals[$key] += amount
        return dict(totals)
        """,
        'f([("x", 2), ("y", 1), ("x", 3)]) == {"x": 5, "y": 1}\nf([]) == {}',
        key="customer month city product",
    ),
    *specs(
        "best entry",
        "$name",
        "returns the name with the $which score in a dictionary|finds whose score in a dictionary of names and "
        "scores is the $which",
        "scores: dict[str, int]",
        "str",
        """
        return $pick(scores, key=scores.get)
        ---
        best = None
        for name, score in scores.items():
            if best is None or score $op scores[best]:
                best = name
        return best
        """,
        'f({"ann": 4, "bob": 9, "cy": 1}) == "$want"',
        which="highest lowest",
        name="winner loser",
        pick="max min",
        op="> <",
        want="bob cy",
    ),
)
