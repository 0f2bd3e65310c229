#!/usr/bin/env python3
"""Runs claims of the evidence book and writes docs/evidence.md: see README.md."""
import argparse
import difflib
import sys

import book


def main():
    parser = argparse.ArgumentParser(prog="./dev evidence", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="claims: " + ", ".join(book.NAMES) + "; all if none is named")
    parser.add_argument("--quick", action="store_true", help="smaller budgets; prints, and writes to build/evidence")
    parser.add_argument("--document", action="store_true", help="run nothing: pictures and document anew from what is kept")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in book.NAMES:
            near = difflib.get_close_matches(name, book.NAMES, 1)
            parser.error(f"no claim '{name}'" + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(book.NAMES)}"))

    path = book.ROOT / "build/evidence/evidence.md" if arguments.quick else book.DOCUMENT
    folder = path.parent / "evidence"
    results = []
    if arguments.document:
        for result in book.stored(folder):
            if not arguments.names or result["name"] in arguments.names:
                book.draw(result, folder)
    else:
        for name in arguments.names or book.NAMES:
            print(f"evidence: claim {name}", file=sys.stderr, flush=True)
            results.append(book.measured(name, arguments.quick))
            book.keep(results[-1], folder)
            book.draw(results[-1], folder)
            print(book.section(results[-1]), end="\n\n", flush=True)
    # Of a quick run its own claims, else all that are kept: those that did not run now stay as they are.
    quick_ones = sorted(results, key=lambda result: book.NAMES.index(result["name"]))
    path.write_text(book.document(quick_ones if arguments.quick and results else book.stored(folder)))
    print(f"evidence: {path.relative_to(book.ROOT)} is written", file=sys.stderr)


if __name__ == "__main__":
    main()
