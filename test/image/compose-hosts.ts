/**
 * Stands for a container engine: each service of the file is a host of its own on a network of namespaces, under its
 * name and on the ports the file says, with its volumes at the very paths, in a root of its own made of binds. The
 * commands and variables are those of the file, to the letter. What the image adds (its user, its packages) is not tried.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FanfoldProcess } from "../cluster/fanfold-process.js";
import { HostNetwork } from "../hosts/host-network.js";

export interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
}

/** The machine's own tree below `$1`, with `$2` for its list of hosts, and folders bound to paths up to a `--`. */
const ownRoot = `set -e
root=$1 hosts=$2; shift 2
mount -t tmpfs none "$root"
for entry in /*; do
  if [ -L "$entry" ]; then cp -P "$entry" "$root$entry"
  elif [ -d "$entry" ]; then mkdir "$root$entry"; mount --rbind "$entry" "$root$entry"; fi
done
mount -t tmpfs none "$root/var/lib"
mount --bind "$hosts" "$root/etc/hosts"
while [ "$1" != -- ]; do mkdir -p "$root$2"; mount --bind "$1" "$root$2"; shift 2; done
shift
exec chroot "$root" "$@"`;

export class ComposeHosts {
  readonly #dir: string;
  readonly #services: Readonly<Record<string, Service>>;
  readonly #network: HostNetwork;

  static async start(dir: string, services: Readonly<Record<string, Service>>): Promise<ComposeHosts> {
    const names = Object.keys(services);
    const network = await HostNetwork.open(names);
    const lines = names.map((name) => `${network.host(name).address} ${name}\n`);
    writeFileSync(join(dir, "hosts"), `127.0.0.1 localhost\n${lines.join("")}`);
    return new ComposeHosts(dir, services, network);
  }

  private constructor(dir: string, services: Readonly<Record<string, Service>>, network: HostNetwork) {
    this.#dir = dir;
    this.#services = services;
    this.#network = network;
  }

  /** What the volume holds. */
  volume(name: string): string {
    const path = join(this.#dir, "volumes", name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Starts the service's command, or another in its place, as `docker compose run` does. */
  start(name: string, command?: readonly string[]): FanfoldProcess {
    const service = this.#services[name] ?? {};
    const binds = (service.volumes ?? []).flatMap((mount) => {
      const [volume = "", at = ""] = mount.split(":");
      return [this.volume(volume), at];
    });
    const root = join(this.#dir, "roots", name);
    mkdirSync(root, { recursive: true });
    const inRoot = ["sh", "-c", ownRoot, "sh", root, join(this.#dir, "hosts"), ...binds, "--"];
    const through = [...this.#network.host(name).namespace.through, "unshare", "--mount", ...inRoot];
    const env = { FANFOLD_TOKEN: "", ...service.environment };
    return new FanfoldProcess([...(command ?? service.command ?? [])], { through, env });
  }

  /** The network is gone when the processes on it are. */
  close(): Promise<void> {
    return this.#network.close();
  }
}
