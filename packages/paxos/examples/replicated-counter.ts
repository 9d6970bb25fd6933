/** Three replicas of a counter in one process: one is stopped, the others go on, it comes back and catches up. */
import { MemoryNetwork, MemoryStorage, PaxosNode, type StateMachine } from "@fanfold/paxos";

type Add = { readonly add: number };

class Counter implements StateMachine<Add, number, number> {
  total = 0;
  apply({ add }: Add): number {
    this.total += add;
    return this.total;
  }
  snapshot(): number {
    return this.total;
  }
  restore(total: number): void {
    this.total = total;
  }
  checksum(): number {
    return this.total;
  }
}

const members = ["a", "b", "c"];
const network = new MemoryNetwork();
const disks = new Map(members.map((id) => [id, new MemoryStorage()]));
const nodes = new Map<string, PaxosNode<Add, number, number>>();
let seed = 0;

function start(id: string): void {
  const storage = disks.get(id)!;
  const dependencies = {
    machine: new Counter(),
    transport: network.transport(id),
    storage,
    stored: storage.stored(),
  };
  const node = new PaxosNode({ id, members, seed: seed++, bootstrap: true }, dependencies);
  nodes.set(id, node);
  network.connect(id, node);
}

function stop(id: string): void {
  nodes.delete(id);
  network.connect(id, undefined);
}

/** In production a timer calls `tick`, and sockets call `receive`. */
function letTimePass(ticks: number): void {
  for (let i = 0; i < ticks; i++) {
    for (const node of nodes.values()) node.tick();
    network.deliver();
  }
}

function leader(): PaxosNode<Add, number, number> {
  for (let i = 0; i < 100; i++) {
    const found = [...nodes.values()].find(({ status }) => status.role === "leader");
    if (found) return found;
    letTimePass(1);
  }
  throw new Error("no leader within 100 ticks");
}

function add(amount: number): number {
  let total = Number.NaN;
  leader().propose({ add: amount }, (answer) => {
    if (answer.type === "decided") total = answer.result;
  });
  network.deliver();
  return total;
}

/** What happened, for the reader. */
export const story: string[] = [];

for (const id of members) start(id);
story.push(`with three replicas: ${add(5)}`);
const first = leader().status.id;
stop(first);
story.push(`without the first leader: ${add(10)}`);
start(first);
letTimePass(50);
story.push(
  `the first leader is back at entry ${nodes.get(first)!.status.decidedIndex} of ${leader().status.decidedIndex}`,
);
