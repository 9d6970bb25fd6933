/** Where a listener is reached: by this machine's own processes, and by others. */
import type { Listener } from "@fanfold/transport";

/** Stand for every address of the machine: fine to listen on, of no use to whoever wants to connect. */
const wildcards: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** For processes of this machine. */
export function ownUrl({ host, port, url }: Pick<Listener, "host" | "port" | "url">): string {
  return wildcards.has(host) ? withAddress(url, `127.0.0.1:${port}`) : url;
}

/** For others: `advertise` is a host, or a host and port where the port is mapped to another. */
export function advertisedUrl(
  { port, url }: Pick<Listener, "port" | "url">,
  advertise: string | undefined,
): string {
  if (advertise === undefined) return url;
  const hasPort = /^(\[[^\]]+\]|[^:]+):\d{1,5}$/.test(advertise);
  const isBareIpv6 = !hasPort && advertise.includes(":") && !advertise.startsWith("[");
  const host = isBareIpv6 ? `[${advertise}]` : advertise;
  return withAddress(url, hasPort ? advertise : `${host}:${port}`);
}

function withAddress(url: string, address: string): string {
  return url.replace(/^(wss?:\/\/).*$/, `$1${address}`);
}
