/**
 * Decides which member an item belongs to, such that nearly everything stays where it is when members come and go.
 *
 * Members stand at many points of a circle of 32-bit hashes; an item belongs to the first member clockwise from its
 * own hash (Karger et al., "Consistent Hashing and Random Trees", STOC 1997). A member that joins takes only what lies
 * just before its points: its fair share, from everybody. With a bound on load, an item whose member is full goes on
 * clockwise to the first that is not (Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads",
 * SODA 2018, section 2): nobody gets more than `capacityFactor` times its share, and few items move for it.
 */
import {
  buildPoints,
  insertPoints,
  type PointTable,
  pointAtOrAfter,
  pointsOfMember,
  removePoints,
  ringMembersMax,
} from "./ring-points.js";

export interface RingMember {
  readonly id: string;
  /** Share relative to the others', above 0; for workers, their slots. */
  readonly weight: number;
}

export interface RingOptions {
  /**
   * Points that a weight of 1 stands for. The standard deviation of a member's load is about one over their square
   * root: 1,024 keep the fullest of 100 members within 10 % of the mean.
   */
  readonly pointsPerWeight?: number;
}

export interface AssignOptions {
  /** Items that members have already, by id; default none. */
  readonly loads?: ReadonlyMap<string, number>;
  /** Most that a member may hold, relative to its fair share; at least 1, default 1.25. */
  readonly capacityFactor?: number;
}

/** The hashes `(after, upTo]` clockwise; `after === upTo` is the whole circle. */
export interface RingArc {
  readonly after: number;
  readonly upTo: number;
}

const defaultPointsPerWeight = 1024;
const defaultCapacityFactor = 1.25;

/** A consistent-hash ring: a value that never changes; members in any order make the same ring. */
export class HashRing {
  /** Ordered by id. */
  readonly members: readonly RingMember[];
  readonly #pointsPerWeight: number;
  readonly #table: PointTable;

  private constructor(members: readonly RingMember[], pointsPerWeight: number, table: PointTable) {
    this.members = members;
    this.#pointsPerWeight = pointsPerWeight;
    this.#table = table;
  }

  /**
   * Builds a ring. Of members with the same id the last counts.
   *
   * @throws `RangeError` for a weight that is not a positive number or more than 2,097,152 members.
   */
  static of(members: Iterable<RingMember> = [], options: RingOptions = {}): HashRing {
    const pointsPerWeight = options.pointsPerWeight ?? defaultPointsPerWeight;
    const byId = new Map<string, RingMember>();
    for (const member of members) byId.set(member.id, checkMember(member));
    if (byId.size > ringMembersMax) throw new RangeError(`a ring holds at most ${ringMembersMax} members`);
    const sorted = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const counts = sorted.map((member) => pointCount(member.weight, pointsPerWeight));
    const ids = sorted.map((member) => member.id);
    return new HashRing(sorted, pointsPerWeight, buildPoints(ids, counts));
  }

  get size(): number {
    return this.members.length;
  }

  has(id: string): boolean {
    return this.members[this.#rankOf(id)]?.id === id;
  }

  /** The ring with this member, in place of one of the same id. Linear in the number of points. */
  withMember(id: string, weight = 1): HashRing {
    const member = checkMember({ id, weight });
    if (this.has(id)) return this.withoutMember(id).withMember(id, weight);
    const rank = this.#rankOf(id);
    const members = this.members.toSpliced(rank, 0, member);
    const added = pointsOfMember(id, pointCount(weight, this.#pointsPerWeight));
    return new HashRing(members, this.#pointsPerWeight, insertPoints(this.#table, rank, added));
  }

  /** The ring without this member; itself if there is none. */
  withoutMember(id: string): HashRing {
    if (!this.has(id)) return this;
    const rank = this.#rankOf(id);
    return new HashRing(
      this.members.toSpliced(rank, 1),
      this.#pointsPerWeight,
      removePoints(this.#table, rank),
    );
  }

  /** Id of the member that an item with this hash (unsigned, 32 bits) belongs to; `undefined` on an empty ring. */
  ownerOf(hash: number): string | undefined {
    if (this.members.length === 0) return undefined;
    return this.#memberAt(pointAtOrAfter(this.#table, hash)).id;
  }

  /** The first `count` different members clockwise from a hash, its owner first; fewer if there are no more. */
  successors(hash: number, count: number): string[] {
    const found = new Set<string>();
    const wanted = Math.min(count, this.members.length);
    if (wanted <= 0) return [];
    let point = pointAtOrAfter(this.#table, hash);
    while (found.size < wanted) {
      found.add(this.#memberAt(point).id);
      point = this.#nextPoint(point);
    }
    return [...found];
  }

  /** The parts of the circle that belong to a member; none for a stranger. */
  arcsOf(id: string): RingArc[] {
    const rank = this.#rankOf(id);
    const member = this.members[rank];
    if (member?.id !== id) return [];
    const { positions, ranks } = this.#table;
    const arcs: RingArc[] = [];
    for (const upTo of pointsOfMember(id, pointCount(member.weight, this.#pointsPerWeight)).sort()) {
      const point = pointAtOrAfter(this.#table, upTo);
      if (ranks[point] !== rank) continue;
      arcs.push({ after: positions[point === 0 ? positions.length - 1 : point - 1]!, upTo });
    }
    return arcs;
  }

  /**
   * Deals items out, in their order, with no member above its bound: `capacityFactor` times its share (by weight) of
   * all items, those in `loads` included, rounded up. Gives the owner's id for each hash.
   *
   * @throws `RangeError` for a factor below 1, or an empty ring and at least one item.
   */
  assign(hashes: ArrayLike<number>, options: AssignOptions = {}): string[] {
    if (hashes.length === 0) return [];
    if (this.members.length === 0) throw new RangeError("cannot assign items to an empty ring");
    const room = this.#rooms(hashes.length, options);
    const { positions, ranks } = this.#table;
    // A point whose member is full is never looked at twice: it is linked to the next that may have room.
    const skip = Int32Array.from(positions, (_, point) => this.#nextPoint(point));
    const owners: string[] = new Array(hashes.length);
    for (let i = 0; i < hashes.length; i++) {
      const first = pointAtOrAfter(this.#table, hashes[i]!);
      let point = first;
      while (room[ranks[point]!]! <= 0) point = skip[point]!;
      for (let passed = first; passed !== point; ) {
        const next = skip[passed]!;
        skip[passed] = point;
        passed = next;
      }
      room[ranks[point]!]! -= 1;
      owners[i] = this.#memberAt(point).id;
    }
    return owners;
  }

  #rooms(items: number, options: AssignOptions): Float64Array {
    const factor = options.capacityFactor ?? defaultCapacityFactor;
    if (!(factor >= 1)) throw new RangeError(`capacityFactor must be at least 1, not ${factor}`);
    let total = items;
    let weights = 0;
    for (const { id, weight } of this.members) {
      total += options.loads?.get(id) ?? 0;
      weights += weight;
    }
    // The tiny subtraction keeps a share such as 3 × (1/3) × 4 from being rounded up to 5.
    return Float64Array.from(this.members, ({ id, weight }) => {
      const bound = Math.ceil((factor * total * weight) / weights - 1e-9);
      return bound - (options.loads?.get(id) ?? 0);
    });
  }

  #memberAt(point: number): RingMember {
    return this.members[this.#table.ranks[point]!]!;
  }

  #nextPoint(point: number): number {
    return point + 1 === this.#table.positions.length ? 0 : point + 1;
  }

  /** Where `id` stands, or would stand, among the members. */
  #rankOf(id: string): number {
    let low = 0;
    let high = this.members.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.members[middle]!.id < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function checkMember(member: RingMember): RingMember {
  if (!(member.weight > 0) || !Number.isFinite(member.weight)) {
    throw new RangeError(`weight of ${member.id} must be a positive number, not ${member.weight}`);
  }
  return { id: member.id, weight: member.weight };
}

function pointCount(weight: number, pointsPerWeight: number): number {
  return Math.max(1, Math.round(weight * pointsPerWeight));
}
