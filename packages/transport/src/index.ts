export { type DialOptions, dial, webSocketUrl } from "./dial.js";
export { type FolderLock, lockFolder } from "./folder-lock.js";
export { Gate, type GateOptions } from "./gate.js";
export { hostNameOf, isLoopback, isOwnHost } from "./host-header.js";
export { connectInMemory, type InMemoryPair } from "./in-memory-link.js";
export {
  type AcceptUpgrade,
  type LinkCut,
  type Listener,
  type ListenOptions,
  listen,
  type Route,
} from "./listener.js";
export { linkRates, MessageRate, type RateLimit, throttledAccess } from "./message-rate.js";
export type { Codec, Link, LinkHandlers } from "./ports.js";
export { protocolHeader } from "./protocol-header.js";
export {
  type Access,
  accessTable,
  authorize,
  type GrantedRole,
  grantedRoles,
  isGrantedRole,
  type Peer,
  type Role,
  roles,
} from "./roles.js";
export {
  looksSigned,
  readToken,
  type TokenClaims,
  TokenSigner,
  tokenTtlMaxMs,
  verifyToken,
} from "./signed-token.js";
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
export { securedBy, type TlsIdentity } from "./tls-identity.js";
export { createToken, isSameToken } from "./token.js";
