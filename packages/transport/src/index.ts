export { type DialOptions, dial, webSocketUrl } from "./dial.js";
export { type FolderLock, lockFolder } from "./folder-lock.js";
export { connectInMemory, type InMemoryPair } from "./in-memory-link.js";
export { type AcceptUpgrade, type Listener, type ListenOptions, listen, type Route } from "./listener.js";
export type { Codec, Link, LinkHandlers } from "./ports.js";
export {
  type OpenedChannel,
  SnapshotChannels,
  type SnapshotChannelsHandlers,
  type SnapshotChannelsOptions,
} from "./snapshot-channels.js";
export { type Stranger, strangerText } from "./strangers.js";
export {
  type Cancel,
  type Clock,
  type Network,
  pause,
  type Surroundings,
  systemSurroundings,
} from "./surroundings.js";
export { createToken, isSameToken } from "./token.js";
