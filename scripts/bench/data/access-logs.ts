/** An HTTP access log in JSON lines: time, method, path, status, bytes, duration, client and agent of a request. */
import { Random } from "./random.js";
import type { RecordGenerator } from "./record-generator.js";
import { ZipfSampler } from "./zipf-sampler.js";

const pathCount = 2_000;
const sections = ["products", "users", "orders", "search", "assets", "api/v1/items", "blog", "help"] as const;
const methods = ["GET", "GET", "GET", "GET", "GET", "GET", "POST", "PUT"] as const;
const statuses = [200, 200, 200, 200, 200, 200, 200, 200, 204, 301, 304, 304, 403, 404, 404, 500] as const;
const agents = [
  "Mozilla/5.0 (X11; Linux x86_64)",
  "curl/8.4.0",
  "probe/1.2",
  "Mozilla/5.0 (Macintosh)",
] as const;
/** One agent in so many quotes itself, so that some lines have escapes. */
const quotedInterval = 1_000;
const firstMs = Date.UTC(2024, 0, 1);

export function accessLogs(seed: number): RecordGenerator {
  const random = new Random(seed);
  const paths = Array.from({ length: pathCount }, (_, rank) => pathOf(rank, random));
  const sampler = new ZipfSampler(pathCount, random);
  let ms = firstMs;
  let second = "";
  let secondMs = -1;
  return {
    write(target, at) {
      ms += random.below(20);
      if (ms - (ms % 1000) !== secondMs) {
        secondMs = ms - (ms % 1000);
        second = new Date(ms).toISOString().slice(0, 20);
      }
      const time = `${second}${String(ms % 1000).padStart(3, "0")}Z`;
      const line = lineOf(time, paths[sampler.next()]!, random);
      return at + target.write(line, at, "latin1");
    },
  };
}

function lineOf(time: string, path: string, random: Random): string {
  const method = pick(methods, random);
  const status = pick(statuses, random);
  const bytes = status === 204 || status === 304 ? 0 : 200 + random.below(60_000);
  const client = `10.${random.below(256)}.${random.below(256)}.${random.below(256)}`;
  const agent = pick(agents, random);
  const quoted = random.below(quotedInterval) === 0 ? `\\"${agent}\\"` : agent;
  const duration = `${random.below(900)}.${random.below(10)}`;
  return (
    `{"time":"${time}","method":"${method}","path":"${path}","status":${status},"bytes":${bytes},` +
    `"durationMs":${duration},"client":"${client}","agent":"${quoted}"}\n`
  );
}

function pathOf(rank: number, random: Random): string {
  return `/${pick(sections, random)}/${rank}`;
}

function pick<T>(choices: readonly T[], random: Random): T {
  return choices[random.below(choices.length)]!;
}
