/** Three shops pay each other while a picture of them all is taken: no coin is in two places, none is nowhere. */
import { SnapshotCollector, type SnapshotEffect, SnapshotNode, type SnapshotSignal } from "@fanfold/snapshot";

type Frame = { readonly coins: number } | { readonly signal: SnapshotSignal };

/** What happened, for the reader. */
export const story: string[] = [];
const names = ["ada", "bob", "cy"];
const wires = new Map<string, Frame[]>();
const coins = new Map(names.map((name) => [name, 10]));
const collector = new SnapshotCollector<number, number>("ada/1", "ada");

const nodes = new Map(
  names.map((name) => {
    const recordState = (): number => coins.get(name)!;
    return [name, new SnapshotNode<number, number>({ id: name }, { recordState })] as const;
  }),
);

for (const name of names) {
  for (const peer of names.filter((other) => other !== name)) {
    wires.set(`${name}-${peer}`, []);
    nodes.get(name)!.step({ type: "channelOpened", channel: peer, peer, sends: true, receives: true });
  }
}

/** In production each wire is a socket: what is sent on it first arrives first. */
function pay(from: string, to: string, amount: number): void {
  coins.set(from, coins.get(from)! - amount);
  wires.get(`${from}-${to}`)!.push({ coins: amount });
}

function perform(name: string, effects: readonly SnapshotEffect<number, number>[]): void {
  for (const effect of effects) {
    if (effect.type === "send") wires.get(`${name}-${effect.channel}`)!.push({ signal: effect.signal });
    if (effect.type === "report") show(collector.add(effect.part));
  }
}

function deliver(from: string, to: string): void {
  const frame = wires.get(`${from}-${to}`)!.shift();
  if (frame === undefined) return;
  const node = nodes.get(to)!;
  if ("signal" in frame) {
    perform(to, node.step({ type: "signal", channel: from, signal: frame.signal }));
    return;
  }
  // First the picture, then the till.
  perform(to, node.step({ type: "message", channel: from, message: frame.coins }));
  coins.set(to, coins.get(to)! + frame.coins);
}

function show(collected: ReturnType<typeof collector.add>): void {
  if (collected.type !== "complete") return;
  for (const { node, state, channels } of collected.snapshot.parts) {
    const coming = channels.flatMap(({ peer, inFlight }) =>
      inFlight.map((amount) => `${amount} from ${peer}`),
    );
    story.push(`${node} has ${state}${coming.length > 0 ? ` and is to get ${coming.join(", ")}` : ""}`);
  }
}

pay("ada", "bob", 3);
perform("ada", nodes.get("ada")!.step({ type: "start", snapshot: "ada/1" }));
pay("bob", "cy", 4);
pay("cy", "ada", 5);
deliver("ada", "bob");
pay("ada", "cy", 1);
for (let round = 0; round < 5; round += 1) {
  for (const from of names) for (const to of names) if (from !== to) deliver(from, to);
}
