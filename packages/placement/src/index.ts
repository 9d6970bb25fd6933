export { keyHash, partitionOfHash } from "./key-hash.js";
