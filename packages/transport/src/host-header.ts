/**
 * Decides whether a request was meant for this server. A page of another site can have its own name point at our
 * address (DNS rebinding) and then counts as ours to the browser; but the Host header still has its name.
 */
import { isIP } from "node:net";

const loopbackNames: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "::1"]);

/** `hostNames`: those that this server goes by, besides loopback's and bare addresses, which nobody can rebind. */
export function isOwnHost(header: string | undefined, hostNames: ReadonlySet<string>): boolean {
  const name = hostNameOf(header ?? "");
  return loopbackNames.has(name) || isIP(name) !== 0 || hostNames.has(name);
}

/** `[::1]:7101` as `::1`. */
export function hostNameOf(host: string): string {
  if (isIP(host) === 6) return host.toLowerCase();
  const name = host.toLowerCase().replace(/:\d{1,5}$/, "");
  return name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name.replace(/\.$/, "");
}

/** Addresses that no other machine can reach. */
export function isLoopback(host: string): boolean {
  const name = hostNameOf(host);
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}
