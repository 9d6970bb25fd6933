/** What the binary exports. Nothing in it allocates: the caller owns the memory and says where everything lies. */
export { lastTouched, tableArena, tableCount, useTable } from "./table";
export { foldColumns, lastTouchedKey, useColumns, useKey } from "./columns";
export { blockEnd, itemPartition, sortEntries, writeBlock } from "./drain";
export { addEntries, foldBlock, foldKeys } from "./fold";
export { linesAreOdd, linesStop, writeLines } from "./lines";
export { delimitedIsOdd, delimitedStop, scanDelimited, useDelimited } from "./delimited";
export { jsonIsOdd, jsonStop, scanJson, useJson } from "./json";
export { countWords, numberColumn, numberWords, wordsStop, wordsTaken } from "./words";
export { appendFixed, placeByHash, placeByRange, useRows } from "./rows";
export { placesOf, sortRows } from "./sort";
export { gather, gatheredEnd, gatherFixed, gatherLines, putGathered } from "./gather";
export { endSource, mergeKeys, mergeSome, mergeWaiting, openSource, useMerge } from "./merge";
