/**
 * Who may do what: the one table that every route of every listener is checked against. What is not in it is refused.
 */

/** `admin` is whoever shows the cluster's secret itself; the others come from signed tokens and certificates. */
export const roles = ["admin", "coordinator", "worker", "client", "read-only", "segments"] as const;

export type Role = (typeof roles)[number];

/** Roles that a token or certificate can be made out to. */
export const grantedRoles = ["coordinator", "worker", "client", "read-only", "segments"] as const;

export type GrantedRole = (typeof grantedRoles)[number];

/** What a route lets those do who come in. */
export type Access =
  /** The page's files and the probes: they tell nothing about jobs. */
  | "open"
  /** Jobs, workers, logs, metrics: to look at. */
  | "read"
  /** Submit, cancel, drain; and a job's code and parameters. */
  | "control"
  /** Run tasks, and report how they went. */
  | "work"
  /** Take part in consensus. */
  | "replicate"
  /** Fetch map outputs, and leave copies of them. */
  | "fetch"
  /** Be an executor: each daemon has a secret of its own for that, and no role will do. */
  | "execute";

export const accessTable: Readonly<Record<Access, readonly Role[]>> = {
  open: roles,
  read: ["admin", "coordinator", "client", "read-only"],
  control: ["admin", "client"],
  work: ["admin", "worker"],
  replicate: ["admin", "coordinator"],
  fetch: ["admin", "segments"],
  execute: [],
};

/** Somebody who has shown who they are. */
export interface Peer {
  readonly role: Role;
  /** What the token or certificate calls its holder; for logs. */
  readonly name: string | undefined;
  /** The one job that the token is for, where it says so. */
  readonly job?: string | undefined;
  /** When the token ends, in milliseconds since 1970. */
  readonly expiresMs: number | undefined;
}

/** The HTTP status to refuse with: 401 for a stranger, 403 for a peer of another role; undefined lets in. */
export function authorize(access: Access, peer: Peer | undefined): 401 | 403 | undefined {
  if (access === "open") return undefined;
  if (peer === undefined) return 401;
  return accessTable[access].includes(peer.role) ? undefined : 403;
}

export function isGrantedRole(text: unknown): text is GrantedRole {
  return grantedRoles.includes(text as GrantedRole);
}
