/** The page's own files, read once. They hold no secret, so they need no token; what they show does. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { originOf } from "./door.js";

interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  readonly etag: string;
}

const names: Readonly<Record<string, readonly [file: string, type: string]>> = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/page.js": ["page.js", "text/javascript; charset=utf-8"],
  "/page.css": ["page.css", "text/css; charset=utf-8"],
  "/favicon.svg": ["favicon.svg", "image/svg+xml"],
};

const missing = `<!doctype html><title>Fanfold</title><p>This coordinator was started without the page. Its data is at <code>/v1/jobs</code>.</p>`;

export class PageFiles {
  readonly #directory: string | undefined;
  readonly #policy: string;
  readonly #files = new Map<string, Promise<PageFile>>();

  /** `peers` are the URLs of the other coordinators, which the page may move to. */
  constructor(directory: string | undefined, peers: readonly string[]) {
    this.#directory = directory;
    this.#policy = [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      `connect-src 'self' ${peers.map(originOf).join(" ")}`.trim(),
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; ");
  }

  async answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const file = await this.#file(path).catch(() => undefined);
    if (file === undefined) {
      response
        .writeHead(path === "/" ? 200 : 404, { "content-type": "text/html; charset=utf-8" })
        .end(missing);
      return;
    }
    const headers = {
      "content-type": file.type,
      etag: file.etag,
      "cache-control": "no-cache",
      "content-security-policy": this.#policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    };
    if (request.headers["if-none-match"] === file.etag) response.writeHead(304, headers).end();
    else response.writeHead(200, { ...headers, "content-length": file.body.length }).end(file.body);
  }

  #file(path: string): Promise<PageFile> {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = this.#read(path);
      this.#files.set(path, file);
    }
    return file;
  }

  async #read(path: string): Promise<PageFile> {
    const [name = "", type = ""] = names[path] ?? [];
    if (this.#directory === undefined || name === "") throw new Error("no page");
    const body = await readFile(join(this.#directory, name));
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    return { type, body, etag };
  }
}
