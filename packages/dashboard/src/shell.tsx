/** The frame around every view: where one can go, who answers, light or dark. */
import type { ComponentChildren, JSX } from "preact";
import { timeText } from "./figures.js";
import { report } from "./live/data.js";
import { answeredBy, cluster, type Standing, standing } from "./live/news.js";
import { signOut } from "./live/session.js";
import { hrefOf, place } from "./place.js";
import { theme, toggleTheme } from "./theme.js";

const places = [
  ["", "Overview"],
  ["jobs", "Jobs"],
  ["workers", "Workers"],
  ["consensus", "Consensus"],
  ["events", "Events"],
] as const;

export function Shell({ children }: { readonly children: ComponentChildren }): JSX.Element {
  const here = place.value.path[0] ?? "";
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        Skip to content
      </button>
      <header class="side">
        <a class="brand" href="#/">
          <Mark /> Fanfold
        </a>
        {report === undefined ? (
          <nav aria-label="Views">
            {places.map(([path, name]) => (
              <a
                key={path}
                href={hrefOf(path === "" ? [] : [path])}
                aria-current={here === path ? "page" : undefined}
              >
                {name}
              </a>
            ))}
          </nav>
        ) : (
          <p class="note">Report saved {timeText(report.savedMs)}</p>
        )}
        <div class="foot">
          {report === undefined && <Connection now={standing.value} />}
          <button type="button" class="quiet" onClick={toggleTheme}>
            {theme.value === "dark" ? "Light" : "Dark"}
          </button>
          {report === undefined && (
            <button type="button" class="quiet" onClick={() => signOut()}>
              Forget token
            </button>
          )}
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Connection({ now }: { readonly now: Standing }): JSX.Element {
  const leader = cluster.value?.leader ?? null;
  const texts: Readonly<Record<Standing, string>> = {
    connecting: "Connecting…",
    live: `Live from ${answeredBy.value}`,
    noLeader: leader === null ? "No leader: what is shown may be old" : "Looking for the leader…",
    lost: "No coordinator answers; trying on",
    saved: "Saved",
  };
  const tone = now === "live" ? "good" : now === "lost" ? "bad" : "warn";
  return (
    <p class={`connection ${tone}`} role="status">
      <i aria-hidden="true" /> {texts[now]}
    </p>
  );
}

function Mark(): JSX.Element {
  return (
    <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
      <rect width="32" height="32" rx="7" class="mark-back" />
      <path d="M8 9h16M8 9l5 7 3-7 3 7 5-7M8 23h16M13 16v7M19 16v7" class="mark-lines" />
    </svg>
  );
}
