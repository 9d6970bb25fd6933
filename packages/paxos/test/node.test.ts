import { describe, expect, it } from "vitest";
import { type Answer, MemoryNetwork, MemoryStorage, PaxosNode } from "../src/index.js";
import { type Swap, SwapMachine, type SwapState } from "./simulation/swap-machine.js";

type Node = PaxosNode<Swap, string, SwapState>;

function cluster(ids: readonly string[]): {
  nodes: Map<string, Node>;
  network: MemoryNetwork;
  leader: () => Node;
  ticks: (n: number) => void;
} {
  const network = new MemoryNetwork();
  const nodes = new Map<string, Node>();
  for (const id of ids) {
    const dependencies = {
      machine: new SwapMachine(),
      transport: network.transport(id),
      storage: new MemoryStorage(),
    };
    const node = new PaxosNode({ id, members: ids, seed: 1, bootstrap: true }, dependencies);
    nodes.set(id, node);
    network.connect(id, node);
  }
  const ticks = (count: number): void => {
    for (let i = 0; i < count; i++) {
      for (const node of nodes.values()) node.tick();
      network.deliver();
    }
  };
  ticks(40);
  return {
    nodes,
    network,
    ticks,
    leader: () => [...nodes.values()].find(({ status }) => status.role === "leader")!,
  };
}

describe("a node", () => {
  it("answers each command once, with its own index and result, in whatever order they were given", () => {
    const { leader, network } = cluster(["a", "b", "c"]);
    const answers: Answer<string>[] = [];
    for (const value of ["x", "y", "z"])
      leader().propose({ key: "k", value }, (answer) => answers.push(answer));
    network.deliver();
    expect(answers).toMatchObject([
      { type: "decided", result: "" },
      { type: "decided", result: "x" },
      { type: "decided", result: "y" },
    ]);
    expect(new Set(answers.map((answer) => answer.type === "decided" && answer.index)).size).toBe(3);
  });

  it("refuses where it does not lead, and says who is believed to", () => {
    const { leader, nodes } = cluster(["a", "b", "c"]);
    const follower = [...nodes.values()].find((node) => node !== leader())!;
    const answers: unknown[] = [];
    follower.propose({ key: "k", value: "v" }, (answer) => answers.push(answer));
    follower.read((answer) => answers.push(answer));
    const refusal = { type: "notLeader", believedLeader: leader().status.id };
    expect(answers).toEqual([
      { type: "refused", refusal },
      { type: "refused", refusal },
    ]);
  });

  it("gives two calls of one command in one session the same answer, and a callback may propose again", () => {
    const { leader, network } = cluster(["a"]);
    const answers: Answer<string>[] = [];
    const node = leader();
    node.openSession("me", (opened) => {
      if (opened.type !== "decided") return;
      const id = { session: opened.result, sequence: 1 };
      for (let i = 0; i < 2; i++)
        node.propose({ key: "k", value: "v" }, (answer) => answers.push(answer), id);
    });
    network.deliver();
    expect(answers).toHaveLength(2);
    expect(answers[0]).toMatchObject({ type: "decided", result: "" });
    expect(answers[1]).toEqual(answers[0]);
  });

  it("reads, changes members, and tells of changes", () => {
    const { leader, network } = cluster(["a", "b", "c"]);
    const answers: Answer<unknown>[] = [];
    leader().changeMembership({ type: "remove", replica: "a" }, (answer) => answers.push(answer));
    network.deliver();
    leader().read((answer) => answers.push(answer));
    network.deliver();
    expect(answers).toMatchObject([{ type: "decided", result: ["b", "c"] }, { type: "decided" }]);
  });

  it("does not take another leader's command of the same number for its own", () => {
    const { nodes, network, leader, ticks } = cluster(["a", "b", "c"]);
    const old = leader();
    const others = [...nodes.values()].filter((node) => node !== old);
    old.propose({ key: "k", value: "old" }, () => {});
    network.connect(old.status.id, undefined);
    network.deliver();
    nodes.delete(old.status.id);
    ticks(60);
    const answers: Answer<string>[] = [];
    leader().propose({ key: "k", value: "new" }, (answer) => answers.push(answer));
    network.deliver();
    expect(others).toContain(leader());
    expect(answers).toMatchObject([{ type: "decided", result: "old" }]);
  });
});
