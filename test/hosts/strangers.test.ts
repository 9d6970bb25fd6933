/** Somebody on another host who opens connections and then takes all the time in the world. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { token } from "../cluster/fanfold-process.js";
import { closeNetworks, desk, Fleet, partsOf, undisturbed } from "./fleet.js";
import { areAllWanted, type Host, hostsProblem } from "./host-network.js";

const shape = ["--reducers", "6", "--split-size", "1K"];
const connectionsEach = 50;
/** What a listener allows, a round of its looking, and what a busy machine may take. */
const closedMsMax = 10_000 + 1_000 + 2_000;
afterEach(closeNetworks);

if (hostsProblem !== undefined) console.error(`NOT TESTED: strangers on the network: ${hostsProblem}`);

/** Runs on the stranger's host: opens connections, and tells how long the last of each kind was held after it had been opened. */
const stranger = `
const [host, port, token, ca, count] = process.argv.slice(1);
const net = require("node:net"), tls = require("node:tls"), fs = require("node:fs");
const secure = () => tls.connect({ host, port, ca: fs.readFileSync(ca), checkServerIdentity: () => undefined });
const upgrade = "GET /v1/worker HTTP/1.1\\r\\nHost: " + host + "\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n" +
  "Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\nX-Fanfold-Protocol: 1\\r\\nAuthorization: Bearer " +
  token + "\\r\\n\\r\\n";
const kinds = {
  nothing: () => net.connect({ host, port }),
  drip: () => {
    const socket = secure();
    socket.write("GET / HTTP/1.1\\r\\nHost: " + host + "\\r\\nX-Slow: ");
    const drip = setInterval(() => socket.write("a"), 200);
    socket.once("close", () => clearInterval(drip));
    return socket;
  },
  silence: () => { const socket = secure(); socket.write(upgrade); return socket; },
};
const openedBy = { nothing: "connect", drip: "secureConnect", silence: "data" };
Promise.all(Object.entries(kinds).map(async ([kind, open]) => {
  const closed = Array.from({ length: Number(count) }, () => new Promise((resolve) => {
    const socket = open();
    socket.on("error", () => undefined);
    socket.resume();
    let sinceMs = performance.now();
    socket.once(openedBy[kind], () => { sinceMs = performance.now(); });
    socket.once("close", () => resolve(performance.now() - sinceMs));
  }));
  return [kind, Math.round(Math.max(...await Promise.all(closed)))];
})).then((all) => console.log(JSON.stringify(Object.fromEntries(all))));
`;

async function visit(host: Host, args: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const [file = "", ...before] = host.namespace.through;
  const child = spawn(file, [...before, process.execPath, "-e", stranger, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (data: string) => {
    text += data;
  });
  await once(child, "close");
  return JSON.parse(text) as Readonly<Record<string, number>>;
}

/** Sockets that a process has open. */
function socketsOf(pid: number): number {
  const lines = readFileSync(`/proc/${pid}/net/tcp`, "utf8").split("\n");
  // Field 4 is the state; 01 is established. The namespace is that of this host alone.
  return lines.filter((line) => line.trim().split(/\s+/)[3] === "01").length;
}

describe.skipIf(hostsProblem !== undefined || !areAllWanted)("a stranger who connects", () => {
  it("and says nothing, or lets a header drip, or nothing after the upgrade, is shut out in time; a job goes on", async () => {
    const fleet = await Fleet.start({ coordinators: ["a"], workers: ["w1", "w2"] });
    const { input, parts } = await undisturbed(fleet.dir, shape);
    const out = join(fleet.dir, "out");
    const pid = fleet.process("a").child.pid ?? 0;
    const before = socketsOf(pid);
    const host = fleet.network.host("a");
    const ca = join(fleet.dir, "certs", "ca.pem");
    const visiting = visit(fleet.network.host(desk), [
      host.address,
      "7101",
      token,
      ca,
      String(connectionsEach),
    ]);
    const { exitCode, stderr } = await fleet.submit("slow-stages.ts", input, out, shape).finished;
    expect(exitCode, stderr).toBe(0);
    expect(partsOf(out)).toEqual(parts);
    const closedMs = await visiting;
    console.log(
      `${connectionsEach} connections each, the last closed after (ms): ${JSON.stringify(closedMs)}`,
    );
    expect(Object.keys(closedMs)).toEqual(["nothing", "drip", "silence"]);
    for (const ms of Object.values(closedMs)) expect(ms).toBeLessThan(closedMsMax);
    expect(socketsOf(pid)).toBeLessThanOrEqual(before);
  });
});
