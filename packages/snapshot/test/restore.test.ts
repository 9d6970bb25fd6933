/** A shuffle in small: mappers send words to counters. Cut in its middle and started anew from the picture, it ends alike. */
import {
  type Snapshot,
  SnapshotCollector,
  type SnapshotEffect,
  SnapshotNode,
  type SnapshotSignal,
} from "@fanfold/snapshot";
import { expect, it } from "vitest";

interface State {
  /** Of a mapper: words still to send. */
  readonly left: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}
type Frame = { readonly word: string } | { readonly signal: SnapshotSignal };

const mappers = ["m1", "m2"];
const counters = ["c1", "c2"];

class Shuffle {
  readonly states = new Map<string, State>();
  readonly wires = new Map<string, Frame[]>();
  readonly nodes = new Map<string, SnapshotNode<State, string>>();
  readonly collector = new SnapshotCollector<State, string>("m1/1", "m1");
  picture: Snapshot<State, string> | undefined;

  constructor(from: Snapshot<State, string> | readonly string[]) {
    for (const name of [...mappers, ...counters]) {
      const part = "parts" in from ? from.parts.find(({ node }) => node === name) : undefined;
      const left =
        "parts" in from || !mappers.includes(name)
          ? []
          : from.filter((_, index) => index % 2 === mappers.indexOf(name));
      this.states.set(name, part?.state ?? { left, counts: {} });
      const recordState = (): State => this.states.get(name)!;
      this.nodes.set(name, new SnapshotNode({ id: name }, { recordState }));
    }
    for (const [one, other] of mappers.flatMap((m) => counters.map((c) => [m, c] as const))) {
      for (const [a, b] of [
        [one, other],
        [other, one],
      ] as const) {
        this.wires.set(`${a}-${b}`, []);
        this.nodes.get(a)!.step({ type: "channelOpened", channel: b, peer: b, sends: true, receives: true });
      }
    }
    if (!("parts" in from)) return;
    for (const { node, channels } of from.parts)
      for (const { peer, inFlight } of channels)
        this.wires.get(`${peer}-${node}`)?.push(...inFlight.map((word) => ({ word })));
  }

  send(mapper: string): void {
    const { left, counts } = this.states.get(mapper)!;
    const [word, ...rest] = left;
    if (word === undefined) return;
    this.states.set(mapper, { left: rest, counts });
    this.wires.get(`${mapper}-${counters[word.length % counters.length]}`)!.push({ word });
  }

  deliver(wire: string): void {
    const [from, to] = wire.split("-") as [string, string];
    const frame = this.wires.get(wire)!.shift();
    if (frame === undefined) return;
    const node = this.nodes.get(to)!;
    if ("signal" in frame) {
      this.perform(to, node.step({ type: "signal", channel: from, signal: frame.signal }));
      return;
    }
    this.perform(to, node.step({ type: "message", channel: from, message: frame.word }));
    const { left, counts } = this.states.get(to)!;
    this.states.set(to, { left, counts: { ...counts, [frame.word]: (counts[frame.word] ?? 0) + 1 } });
  }

  perform(name: string, effects: readonly SnapshotEffect<State, string>[]): void {
    for (const effect of effects) {
      if (effect.type === "send")
        this.wires.get(`${name}-${effect.channel}`)!.push({ signal: effect.signal });
      if (effect.type !== "report") continue;
      const collected = this.collector.add(effect.part);
      if (collected.type === "complete") this.picture = collected.snapshot;
    }
  }

  /** To the end, and the answer. */
  finish(): Record<string, number> {
    for (const mapper of mappers) while (this.states.get(mapper)!.left.length > 0) this.send(mapper);
    while ([...this.wires.values()].some((wire) => wire.length > 0))
      for (const wire of this.wires.keys()) this.deliver(wire);
    return Object.assign({}, ...counters.map((counter) => this.states.get(counter)!.counts)) as Record<
      string,
      number
    >;
  }
}

it("a computation restored from a picture of its middle, messages in flight and all, gives the same output", () => {
  const words = Array.from({ length: 200 }, (_, n) => "abcdefg".slice(0, 1 + (n % 7)));
  for (let cutAt = 1; cutAt < 90; cutAt += 8) {
    const shuffle = new Shuffle(words);
    for (let step = 0; step < 90; step += 1) {
      for (const mapper of mappers) shuffle.send(mapper);
      if (step === cutAt)
        shuffle.perform("m1", shuffle.nodes.get("m1")!.step({ type: "start", snapshot: "m1/1" }));
      shuffle.deliver([...shuffle.wires.keys()][(step * 5) % shuffle.wires.size]!);
    }
    const answer = shuffle.finish();
    const picture = shuffle.picture!;
    expect(
      picture.parts.flatMap(({ channels }) => channels.flatMap(({ inFlight }) => inFlight)).length,
    ).toBeGreaterThan(0);
    expect(new Shuffle(picture).finish()).toEqual(answer);
  }
});
