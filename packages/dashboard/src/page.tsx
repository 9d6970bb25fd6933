/** Which view stands at which address. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { report } from "./live/data.js";
import { watch } from "./live/news.js";
import { token } from "./live/session.js";
import { type Place, place } from "./place.js";
import { Shell } from "./shell.js";
import { theme } from "./theme.js";
import { Consensus } from "./views/consensus.js";
import { Events, JobEvents } from "./views/events.js";
import { Job } from "./views/job.js";
import { Jobs } from "./views/jobs.js";
import { Logs } from "./views/logs.js";
import { Overview } from "./views/overview.js";
import { Shuffle } from "./views/shuffle.js";
import { SignIn } from "./views/sign-in.js";
import { Stage } from "./views/stage.js";
import { Stream } from "./views/stream.js";
import { Workers } from "./views/workers.js";

export function Page(): JSX.Element {
  const isOpen = report !== undefined || token.value !== "";
  const jobId = place.value.path[0] === "jobs" ? place.value.path[1] : report?.jobId;
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme.value;
  }, [theme.value]);
  useEffect(() => {
    if (isOpen) watch(jobId);
  }, [jobId, isOpen]);
  const address = place.value.path.join("/");
  useEffect(() => {
    document.title = `${titleOf(place.value)} · Fanfold`;
    window.scrollTo(0, 0);
  }, [address]);
  if (!isOpen) return <SignIn />;
  return <Shell>{viewAt(place.value)}</Shell>;
}

function viewAt({ path }: Place): JSX.Element {
  const [first = "", second, third, fourth] =
    report === undefined || path.length > 0 ? path : ["jobs", report.jobId];
  if (first === "jobs" && second !== undefined) return jobViewAt(second, third, fourth);
  switch (first) {
    case "":
      return <Overview />;
    case "jobs":
      return <Jobs />;
    case "workers":
      return <Workers />;
    case "consensus":
      return <Consensus />;
    case "events":
      return <Events />;
    default:
      return <Missing />;
  }
}

function jobViewAt(jobId: string, part: string | undefined, stage: string | undefined): JSX.Element {
  switch (part) {
    case undefined:
      return <Job key={jobId} jobId={jobId} />;
    case "stream":
      return <Stream key={jobId} jobId={jobId} />;
    case "stages":
      return stage === undefined ? (
        <Missing />
      ) : (
        <Stage key={`${jobId} ${stage}`} jobId={jobId} stage={stage} />
      );
    case "shuffle":
      return <Shuffle key={jobId} jobId={jobId} />;
    case "logs":
      return <Logs key={jobId} jobId={jobId} />;
    case "events":
      return <JobEvents key={jobId} jobId={jobId} />;
    default:
      return <Missing />;
  }
}

function Missing(): JSX.Element {
  return (
    <>
      <h1>There is nothing here</h1>
      <p>
        <a href="#/">To the overview</a>
      </p>
    </>
  );
}

function titleOf({ path }: Place): string {
  const [first = "overview", second, third] = path;
  return second === undefined ? first : [second, third].filter((part) => part !== undefined).join(" ");
}
