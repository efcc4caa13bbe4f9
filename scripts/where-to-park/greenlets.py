# Prints, for each kind of place, whether a greenlet can switch away there: three of them, first in, first out.
import functools
import re
import sys
import warnings

from greenlet import getcurrent, greenlet

warnings.simplefilter("ignore")
main = getcurrent()


def park():
    main.switch()


class Text:
    def __str__(self):
        park()
        return "a"

    def __lt__(self, other):
        park()
        return False

    def __getattr__(self, name):
        park()
        return name

    def __init__(self, parks=False):
        if parks:
            park()


class Finalized:
    def __del__(self):
        park()


def items():
    yield 1
    park()
    yield 2


def caught():
    try:
        raise ValueError("a")
    except ValueError:
        park()
        return str(sys.exc_info()[1])


def finalized():
    one = Finalized()
    del one
    return 1


PLACES = {
    "conversion to a string": lambda: str(Text()),
    "sort: the comparison": lambda: sorted([3, 1, 2], key=functools.cmp_to_key(lambda a, b: (park(), a - b)[1])),
    "replace: the callback": lambda: re.sub("b", lambda found: (park(), "x")[1], "abc"),
    "missing member": lambda: Text().other,
    "iterator or generator": lambda: list(items()),
    "constructor": lambda: bool(Text(True)),
    "while an exception is handled": caught,
    "finalizer": finalized,
    "evaluated text": lambda: eval("(park(), 1)[1]", {"park": park}),
    "host callback from C": lambda: list(map(lambda n: (park(), n)[1], [1, 2])),
}

for place, body in PLACES.items():
    results, parked = [], [0]

    def run(body=body):
        try:
            results.append(body())
        except BaseException as error:
            results.append(error)

    all_of_them = [greenlet(run, main) for _ in range(3)]
    while any(not one.dead for one in all_of_them):
        for one in all_of_them:
            if not one.dead:
                parked[0] += 1
                one.switch()
    failed = next((one for one in results if isinstance(one, BaseException)), None)
    print(f"{place}\t{failed or ('parks' if parked[0] > 3 else 'did not park')}")
