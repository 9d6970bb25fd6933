import * as s from "./schemas.js";

export type ReplicaRole = "follower" | "preparing" | "leader" | "rejoining" | "halted" | "unknown";

export const replicaRole: s.SchemaOf<ReplicaRole> = s.oneOf([
  "follower",
  "preparing",
  "leader",
  "rejoining",
  "halted",
  "unknown",
]);
