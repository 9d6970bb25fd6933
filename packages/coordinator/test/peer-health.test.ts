import { describe, expect, it } from "vitest";
import { PeerHealth, unreachableAfterMs } from "../src/peer-health.js";

describe("the way to a peer", () => {
  it("is no news while the peer may merely be starting", () => {
    const health = new PeerHealth(0);
    expect(health.failed("ECONNREFUSED", unreachableAfterMs - 1)).toBeUndefined();
    expect(health.welcomed()).toBeUndefined();
  });

  it("is told of once when nobody answers for long, and once when somebody does again", () => {
    const health = new PeerHealth(0);
    expect(health.failed("ECONNREFUSED", unreachableAfterMs)).toBe("unreachable");
    expect(health.problem).toBe("cannot be dialled: ECONNREFUSED");
    expect(health.failed("ECONNREFUSED", unreachableAfterMs + 1)).toBeUndefined();
    expect(health.welcomed()).toBe("up");
    expect(health.problem).toBeUndefined();
  });

  it("counts from when a link that was up has gone", () => {
    const health = new PeerHealth(0);
    health.welcomed();
    health.lost("reset", 100_000);
    expect(health.failed("ECONNREFUSED", 100_001)).toBeUndefined();
    expect(health.failed("ECONNREFUSED", 100_000 + unreachableAfterMs)).toBe("unreachable");
  });

  it("is told of at once when the peer refuses, and again only for another reason", () => {
    const health = new PeerHealth(0);
    expect(health.refused("wrong token")).toBe("refused");
    expect(health.refused("wrong token")).toBeUndefined();
    expect(health.refused("other cluster")).toBe("refused");
    expect(health.problem).toBe("refuses: other cluster");
  });
});
