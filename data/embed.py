"""Writes a file as a C array, so that the library carries it: embed.py NAME HEADER IN OUT.

OUT defines `const unsigned char NAME[]` and `const size_t NAME_size`, as HEADER declares them.
"""

import sys

BYTES_A_LINE = 20


def c_source(name, header, data):
    rows = [data[i : i + BYTES_A_LINE] for i in range(0, len(data), BYTES_A_LINE)]
    lines = ["    " + ",".join(str(byte) for byte in row) + "," for row in rows]
    return "\n".join(
        ["/* Made by data/embed.py. */", f'#include "{header}"', ""]
        + [f"const unsigned char {name}[] = {{", *lines, "};"]
        + [f"const size_t {name}_size = sizeof({name});", ""]
    )


def main(name, header, source, target):
    with open(source, "rb") as file:
        data = file.read()
    with open(target, "w", encoding="ascii") as file:
        file.write(c_source(name, header, data))


if __name__ == "__main__":
    main(*sys.argv[1:])
