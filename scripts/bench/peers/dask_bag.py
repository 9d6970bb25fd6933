"""The works with Dask bags, two processes: python3 dask_bag.py WORK INPUT OUTPUT"""
import json
import sys
from operator import add

import dask
import dask.bag as bag


def words(lines):
    return lines.str.rstrip("\n").str.split(" ").flatten().frequencies()


def access(line):
    record = json.loads(line)
    return (record["path"], record["status"]), record["bytes"]


def total(so_far, pair):
    return so_far + pair[1]


def bytes_by_path(lines):
    sums = lines.map(access).foldby(lambda pair: pair[0], total, 0, add, 0)
    return sums.map(lambda item: ("%s\t%d" % item[0], item[1]))


if __name__ == "__main__":
    work, source, target = sys.argv[1:4]
    with dask.config.set(scheduler="processes", num_workers=2):
        made = {"words": words, "json": bytes_by_path}[work](bag.read_text(source, blocksize="16MiB"))
        pairs = made.compute()
    with open(target, "w", encoding="utf-8") as out:
        out.writelines("%s\t%d\n" % pair for pair in pairs)
