import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HashRing, textHash } from "../src/index.js";

const items = Array.from({ length: 20_000 }, (_, i) => textHash(`/data/input-${i}:0`));

function ringOf(count: number, options = {}, prefix = "w"): HashRing {
  const members = Array.from({ length: count }, (_, i) => ({ id: `${prefix}${i}`, weight: 1 }));
  return HashRing.of(members, options);
}

function loadsOf(owners: readonly (string | undefined)[]): Map<string, number> {
  const loads = new Map<string, number>();
  for (const owner of owners) loads.set(owner!, (loads.get(owner!) ?? 0) + 1);
  return loads;
}

/** Share of the whole circle that a member owns, from its arcs. */
function circleShare(ring: HashRing, id: string): number {
  let share = 0;
  for (const { after, upTo } of ring.arcsOf(id))
    share += after < upTo ? upTo - after : upTo - after + 2 ** 32;
  return share / 2 ** 32;
}

function movedShare(before: readonly unknown[], after: readonly unknown[]): number {
  return before.filter((owner, i) => owner !== after[i]).length / before.length;
}

describe("spread", () => {
  it.each([3, 10, 40, 100])("keeps the fullest of %i members within 10 % of the mean", (count) => {
    const ring = ringOf(count);
    const shares = ring.members.map((member) => circleShare(ring, member.id));
    expect(Math.max(...shares) * count).toBeLessThan(1.1);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
  });

  it("gives a member of three times the weight three times the share", () => {
    const ring = HashRing.of([
      { id: "big", weight: 3 },
      { id: "a", weight: 1 },
      { id: "b", weight: 1 },
    ]);
    expect(circleShare(ring, "big")).toBeGreaterThan(0.56);
    expect(circleShare(ring, "big")).toBeLessThan(0.64);
  });

  it("owns by arcs what it owns by lookup", () => {
    const ring = ringOf(7, { pointsPerWeight: 16 });
    for (const hash of [...items.slice(0, 500), 0, 2 ** 32 - 1]) {
      const owners = ring.members.filter(({ id }) =>
        ring
          .arcsOf(id)
          .some(({ after, upTo }) =>
            after < upTo ? hash > after && hash <= upTo : hash > after || hash <= upTo,
          ),
      );
      expect(owners.map((member) => member.id)).toEqual([ring.ownerOf(hash)]);
    }
  });
});

describe("members coming and going", () => {
  it("is the same ring whatever the order in which members came, or whether some were there in between", () => {
    const ids = fc.uniqueArray(fc.string({ maxLength: 6 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(ids, fc.string({ minLength: 7, maxLength: 8 }), fc.nat(7), (order, passer, seed) => {
        const options = { pointsPerWeight: 8 };
        const weightOf = (id: string): number => 1 + ((id.length + seed) % 3);
        const whole = HashRing.of(
          order.map((id) => ({ id, weight: weightOf(id) })),
          options,
        );
        let grown = HashRing.of([], options).withMember(passer, 2);
        for (const id of order.toReversed()) grown = grown.withMember(id, 9).withMember(id, weightOf(id));
        grown = grown.withoutMember(passer).withoutMember(passer);
        expect(grown.members).toEqual(whole.members);
        for (const hash of items.slice(0, 50)) expect(grown.ownerOf(hash)).toBe(whole.ownerOf(hash));
      }),
      { numRuns: 200 },
    );
  });

  it("moves exactly the joining member's items, to it, and back when it leaves", () => {
    for (let seed = 0; seed < 60; seed++) {
      const before = ringOf(2 + (seed % 19), { pointsPerWeight: 256 }, `s${seed}-`);
      const after = before.withMember("newcomer");
      let moved = 0;
      for (const hash of items) {
        if (before.ownerOf(hash) === after.ownerOf(hash)) continue;
        expect(after.ownerOf(hash)).toBe("newcomer");
        moved += 1;
      }
      const fairShare = items.length / after.size;
      expect(moved).toBeLessThan(fairShare * 1.3);
      expect(moved).toBeGreaterThan(fairShare * 0.7);
      const again = after.withoutMember("newcomer");
      expect(items.every((hash) => again.ownerOf(hash) === before.ownerOf(hash))).toBe(true);
    }
  });

  it("under bounded load moves at most the fair share and the slack of the bound", () => {
    const some = items.slice(0, 4_000);
    for (let seed = 0; seed < 60; seed++) {
      const count = 4 + (seed % 17);
      const ring = ringOf(count, { pointsPerWeight: 256 }, `s${seed}-`);
      const before = ring.assign(some);
      const joined = movedShare(before, ring.withMember("newcomer").assign(some));
      const left = movedShare(before, ring.withoutMember(`s${seed}-0`).assign(some));
      // With 256 points and a bound of 1.25 the bound binds rarely; what it adds is a second move for few items.
      expect(joined).toBeLessThan(1 / (count + 1) + 0.06);
      expect(left).toBeLessThan(1 / count + 0.06);
    }
  });

  it("finds different members for replicas, the owner first", () => {
    const ring = ringOf(5, { pointsPerWeight: 4 });
    for (const hash of items.slice(0, 200)) {
      const three = ring.successors(hash, 3);
      expect(new Set(three).size).toBe(3);
      expect(three[0]).toBe(ring.ownerOf(hash));
      // The second is who would own it if the first were gone.
      expect(ring.withoutMember(three[0]!).ownerOf(hash)).toBe(three[1]);
      expect(ring.successors(hash, 99)).toHaveLength(5);
    }
  });
});

describe("bounded load", () => {
  it("never exceeds a member's bound, loads it had included, and places every item", () => {
    const members = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 8 }), load: fc.nat(50) }), {
      minLength: 1,
      maxLength: 12,
    });
    const factors = fc.double({ min: 1, max: 2, noNaN: true });
    fc.assert(
      fc.property(members, factors, fc.integer({ min: 1, max: 300 }), (drawn, capacityFactor, count) => {
        const ring = HashRing.of(
          drawn.map(({ weight }, i) => ({ id: `m${i}`, weight })),
          { pointsPerWeight: 4 },
        );
        const loads = new Map(drawn.map(({ load }, i) => [`m${i}`, load]));
        const owners = ring.assign(items.slice(0, count), { loads, capacityFactor });
        const total = count + drawn.reduce((sum, { load }) => sum + load, 0);
        const weights = drawn.reduce((sum, { weight }) => sum + weight, 0);
        for (const [id, got] of loadsOf(owners)) {
          const { weight, load } = drawn[Number(id.slice(1))]!;
          expect(got + load).toBeLessThanOrEqual(Math.ceil((capacityFactor * total * weight) / weights));
        }
        expect(owners).toHaveLength(count);
      }),
      { numRuns: 300 },
    );
  });

  it("deals out evenly to within one at a factor of 1", () => {
    const loads = loadsOf(ringOf(7).assign(items.slice(0, 700), { capacityFactor: 1 }));
    expect([...loads.values()]).toEqual([100, 100, 100, 100, 100, 100, 100]);
  });

  it("leaves an item with its owner while the owner has room", () => {
    const ring = ringOf(5);
    const owners = ring.assign(items, { capacityFactor: 10 });
    expect(owners).toEqual(items.map((hash) => ring.ownerOf(hash)));
  });
});

describe("edges", () => {
  it("owns nothing while empty, and refuses to assign to nobody", () => {
    const empty = HashRing.of();
    expect(empty.ownerOf(5)).toBeUndefined();
    expect(empty.successors(5, 2)).toEqual([]);
    expect(empty.assign([])).toEqual([]);
    expect(() => empty.assign([1])).toThrow(RangeError);
    expect(ringOf(1).withoutMember("w0").ownerOf(5)).toBeUndefined();
  });

  it("refuses weights that are no share", () => {
    for (const weight of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => HashRing.of([{ id: "a", weight }])).toThrow(RangeError);
    }
    expect(() => ringOf(2).assign([1], { capacityFactor: 0.9 })).toThrow(RangeError);
  });

  it("stays where it has always been: owners are part of the contract between nodes", () => {
    const ring = ringOf(5, { pointsPerWeight: 64 });
    const owners = ["", "a", "/data/part-1:0", "é", "\ud800"].map((text) => ring.ownerOf(textHash(text)));
    expect(owners).toMatchInlineSnapshot(`
      [
        "w0",
        "w1",
        "w1",
        "w3",
        "w4",
      ]
    `);
  });

  it("holds 2,000 members with their points, and takes and drops one without starting over", () => {
    const ring = ringOf(2_000, { pointsPerWeight: 128 }).withMember("late").withoutMember("w77");
    expect(ring.size).toBe(2_000);
    const loads = loadsOf(ring.assign(items, { capacityFactor: 1.25 }));
    expect(Math.max(...loads.values())).toBeLessThanOrEqual(13);
  });
});
