/**
 * Runs a built-in aggregator over the current group. Numbers are read straight from the bytes: no object, no
 * iterator. `min` and `max` go on in the general way at the first value that is not a number.
 */
import type { Aggregator } from "@fanfold/job";
import type { GroupStream } from "./group-stream.js";
import { decodeNumberAt, decodeValueAt, isNumberHead } from "./value-decoder.js";

type AnyAggregator = Aggregator<unknown, unknown>;

/** Passes over the rest of the group and returns the aggregator's result. */
export function foldGroup(groups: GroupStream, aggregator: AnyAggregator): unknown {
  switch (aggregator.kind) {
    case "count":
      return countGroup(groups);
    case "sum":
      return sumGroup(groups, aggregator);
    case "min":
      return extremeOfGroup(groups, aggregator, false);
    case "max":
      return extremeOfGroup(groups, aggregator, true);
    case "mean":
      return meanOfGroup(groups, aggregator);
    case "first": {
      const view = groups.view;
      return decodeValueAt(view.bytes, view.valueStart, view.valueEnd);
    }
    default:
      return aggregator.finish(foldRest(groups, aggregator, aggregator.initial()) as never);
  }
}

function countGroup(groups: GroupStream): number {
  let count = 0;
  for (; groups.isInGroup; groups.advance()) count += 1;
  return count;
}

function sumGroup(groups: GroupStream, aggregator: AnyAggregator): unknown {
  const view = groups.view;
  let total = 0;
  for (; groups.isInGroup; groups.advance()) {
    if (!isNumberHead(view.bytes[view.valueStart]!)) return foldRest(groups, aggregator, total);
    total += decodeNumberAt(view.bytes, view.valueStart);
  }
  return total;
}

function meanOfGroup(groups: GroupStream, aggregator: AnyAggregator): unknown {
  const view = groups.view;
  let total = 0;
  let count = 0;
  for (; groups.isInGroup; groups.advance()) {
    if (!isNumberHead(view.bytes[view.valueStart]!)) return foldRest(groups, aggregator, { total, count });
    total += decodeNumberAt(view.bytes, view.valueStart);
    count += 1;
  }
  return total / count;
}

function extremeOfGroup(groups: GroupStream, aggregator: AnyAggregator, isMax: boolean): unknown {
  const view = groups.view;
  if (!isNumberHead(view.bytes[view.valueStart]!)) return foldRest(groups, aggregator, aggregator.initial());
  let best = decodeNumberAt(view.bytes, view.valueStart);
  for (groups.advance(); groups.isInGroup; groups.advance()) {
    if (!isNumberHead(view.bytes[view.valueStart]!)) return foldRest(groups, aggregator, best);
    const candidate = decodeNumberAt(view.bytes, view.valueStart);
    if (isMax ? candidate > best : candidate < best) best = candidate;
  }
  return best;
}

/** The general way, from `state` on. For `sum` and `mean` it ends in the aggregator's own complaint. */
function foldRest(groups: GroupStream, aggregator: AnyAggregator, state: unknown): unknown {
  const view = groups.view;
  let folded = state;
  for (; groups.isInGroup; groups.advance()) {
    const value = decodeValueAt(view.bytes, view.valueStart, view.valueEnd);
    folded = aggregator.add(folded as never, value);
  }
  return folded;
}
