/**
 * Where the time of a job's record path goes: V8's sampling profiler around its phases, folded into tables.
 *
 * Places are told as lines of the sources for modules that were loaded when source maps were on already.
 */
import { rmSync, writeFileSync } from "node:fs";
import { type Profiler, Session } from "node:inspector/promises";
import { findSourceMap } from "node:module";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { repositoryRoot } from "./contender.js";
import { addStack, createFrame, flameGraph } from "./flame-graph.js";
import { runRecordPath } from "./record-path.js";
import { markdownTable } from "./table.js";

export interface ProfileRequest {
  readonly job: string;
  readonly input: string;
  readonly inputBytes: number;
  /** Takes a flame graph (`.svg`) and the profile itself (`.cpuprofile`, for Chrome or VS Code) of each phase. */
  readonly dir: string;
  readonly partitions: number;
}

export interface PhaseProfile {
  readonly name: string;
  readonly wallSeconds: number;
  readonly profile: Profiler.Profile;
}

const samplingIntervalUs = 500;
const rowsMax = 30;

export async function profileRecordPath(request: ProfileRequest): Promise<PhaseProfile[]> {
  const phases: PhaseProfile[] = [];
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: samplingIntervalUs });
  const output = join(request.dir, "profile-answer");
  await runRecordPath({ ...request, output }, async (name, phase) => {
    await session.post("Profiler.start");
    const start = performance.now();
    const result = await phase();
    const wallSeconds = (performance.now() - start) / 1000;
    const { profile } = await session.post("Profiler.stop");
    const stem = join(request.dir, `${request.job}-${name}`);
    writeFileSync(`${stem}.cpuprofile`, JSON.stringify(profile));
    writeFileSync(`${stem}.svg`, flameGraphOf(profile, `${request.job}: ${name}, one process`));
    phases.push({ name, wallSeconds, profile });
    return result;
  });
  session.disconnect();
  rmSync(output, { recursive: true, force: true });
  return phases;
}

/** Self time by function and by file, most first. */
export function profileText(phase: PhaseProfile, inputBytes: number): string {
  const functions = new Map<string, number>();
  const files = new Map<string, number>();
  const total = selfTimes(phase.profile, (node, milliseconds) => {
    const { functionName, url } = node.callFrame;
    const { file, line } = sourceOf(node);
    const place = url === "" ? "" : ` ${file}:${line}`;
    const name = functionName === "" ? "(anonymous)" : functionName;
    functions.set(name + place, (functions.get(name + place) ?? 0) + milliseconds);
    const owner = url === "" ? name : file;
    files.set(owner, (files.get(owner) ?? 0) + milliseconds);
  });
  const speed = (inputBytes / 1e6 / phase.wallSeconds).toFixed(0);
  return [
    `## ${phase.name}: ${phase.wallSeconds.toFixed(2)} s, ${speed} MB/s of input, one process`,
    "",
    shareTable("file", files, total),
    "",
    shareTable("function", functions, total),
  ].join("\n");
}

type Node = Profiler.ProfileNode;

function flameGraphOf(profile: Profiler.Profile, title: string): string {
  const callers = new Map<number, Node>();
  for (const node of profile.nodes) for (const callee of node.children ?? []) callers.set(callee, node);
  const root = createFrame("all");
  selfTimes(profile, (node, milliseconds) => {
    const stack: string[] = [];
    for (let at: Node | undefined = node; at !== undefined; at = callers.get(at.id)) stack.push(nameOf(at));
    // The outermost is V8's own "(root)".
    addStack(root, stack.reverse().slice(1), milliseconds);
  });
  return flameGraph(root, title);
}

function nameOf({ callFrame: { functionName, url } }: Node): string {
  const module = url.slice(url.lastIndexOf("/") + 1).replace(/\.[mc]?js$/, "");
  return `${functionName === "" ? "(anonymous)" : functionName}${module === "" ? "" : ` ${module}`}`;
}

/** Calls `each` with every node's own milliseconds; returns those of all. */
function selfTimes(profile: Profiler.Profile, each: (node: Node, milliseconds: number) => void): number {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const deltas = profile.timeDeltas ?? [];
  const byNode = new Map<number, number>();
  let total = 0;
  for (const [index, id] of (profile.samples ?? []).entries()) {
    // A sample holds until the next one.
    const milliseconds = (deltas[index + 1] ?? 0) / 1000;
    byNode.set(id, (byNode.get(id) ?? 0) + milliseconds);
    total += milliseconds;
  }
  for (const [id, milliseconds] of byNode) each(nodes.get(id)!, milliseconds);
  return total;
}

/** The source file, from the repository's root, and the line, from 1. */
function sourceOf({ callFrame: { url, lineNumber, columnNumber } }: Node): { file: string; line: number } {
  if (!url.startsWith("file:")) return { file: url, line: lineNumber + 1 };
  const entry = findSourceMap(url)?.findEntry(lineNumber, columnNumber);
  const isMapped = entry !== undefined && "originalSource" in entry;
  const source = isMapped ? entry.originalSource : url;
  const file = fileURLToPath(new URL(source, url)).replace(repositoryRoot, "");
  return { file, line: (isMapped ? entry.originalLine : lineNumber) + 1 };
}

function shareTable(head: string, times: ReadonlyMap<string, number>, total: number): string {
  const rows = [...times].sort((a, b) => b[1] - a[1]).slice(0, rowsMax);
  const cells = rows.map(([name, ms]) => [name, ms.toFixed(0), ((100 * ms) / total).toFixed(1)]);
  return markdownTable([head, "ms", "%"], cells);
}
