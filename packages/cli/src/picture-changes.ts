/** What is different in the second of two pictures of a cluster, a line each. */
import type { ClusterPicture, NodeState } from "@fanfold/protocol";

export function pictureChanges(before: ClusterPicture, after: ClusterPicture): readonly string[] {
  const old = new Map(before.parts.map(({ node, state }) => [node, state]));
  const now = new Map(after.parts.map(({ node, state }) => [node, state]));
  const gone = [...old]
    .filter(([node]) => !now.has(node))
    .map(([node, { kind }]) => `${kind} ${node} is gone`);
  const changed = [...now].flatMap(([node, state]) => {
    const was = old.get(node);
    return was === undefined ? [`${state.kind} ${node} is new`] : changesOf(node, was, state);
  });
  return [...gone, ...changed];
}

function changesOf(node: string, was: NodeState, is: NodeState): string[] {
  const old = factsOf(was);
  const now = factsOf(is);
  const ended = [...old].flatMap(([name, value]) =>
    now.has(name) ? [] : [`${node}: ${name} ended, was ${value}`],
  );
  const others = [...now].flatMap(([name, value]) => {
    const before = old.get(name);
    if (before === undefined) return [`${node}: ${name} began, ${value}`];
    return before === value ? [] : [`${node}: ${name} ${before} → ${value}`];
  });
  return [...ended, ...others];
}

/** A state as named values. */
function factsOf(state: NodeState): ReadonlyMap<string, string> {
  switch (state.kind) {
    case "coordinator":
      return new Map([
        ["role", state.role],
        ["epoch", String(state.epoch)],
        ["decided index", String(state.decidedIndex)],
        ...state.jobs.flatMap(({ jobId, state: job, stages }) => [
          [`job ${jobId}`, job] as const,
          ...stages.map(
            ({ done, tasks }, stage) => [`job ${jobId} stage ${stage}`, `${done}/${tasks}`] as const,
          ),
        ]),
        ...state.attempts.map(
          ({ attempt, workerId, hasReported }) =>
            [`attempt ${attempt}`, `${hasReported ? "reported" : "running"} at ${workerId}`] as const,
        ),
      ]);
    case "worker":
      return new Map([
        ["epoch", String(state.epoch)],
        ["map outputs", String(state.segments.length)],
        ["records sent", String(state.sent.reduce((sum, { records }) => sum + records, 0))],
        ["records received", String(state.received.reduce((sum, { records }) => sum + records, 0))],
        ...state.attempts.map(({ attempt, state: how }) => [`attempt ${attempt}`, how] as const),
        ...state.errands.map((errand) => [errand, "under way"] as const),
      ]);
    case "fetch":
      return new Map([
        ["records received", String(state.received.reduce((sum, { records }) => sum + records, 0))],
      ]);
  }
}
