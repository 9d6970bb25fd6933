export {
  type AssignOptions,
  HashRing,
  type RingArc,
  type RingMember,
  type RingOptions,
} from "./hash-ring.js";
export { keyHash, partitionOfHash } from "./key-hash.js";
export { textHash } from "./text-hash.js";
