/** What stands above every part of a job: its name, its state, what can be done with it. */
import type { JobView, MeView } from "@fanfold/protocol";
import type { JobSummary } from "@fanfold/scheduler";
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { durationText } from "../figures.js";
import { report, useData } from "../live/data.js";
import { jobs } from "../live/news.js";
import { post } from "../live/session.js";
import { Badge } from "../parts/badge.js";
import { elapsedMs, isOver } from "../parts/job-figures.js";
import { JobTabs } from "../parts/job-links.js";
import { Waiting } from "../parts/section.js";

interface JobFrameProps {
  readonly jobId: string;
  readonly children: (view: JobView) => ComponentChildren;
}

/** A part of a job's page; the live summary stands in for the one that was fetched. */
export function JobFrame({ jobId, children }: JobFrameProps): JSX.Element {
  const live = jobs.value.get(jobId);
  const { data, error } = useData<JobView>(`/v1/jobs/${jobId}`, `${live?.state} ${live?.stages.length}`);
  if (data === undefined) {
    return (
      <>
        <h1>Job {jobId}</h1>
        <Waiting error={error} />
      </>
    );
  }
  const view = { ...data, job: live ?? data.job };
  return (
    <>
      <JobHead job={view.job} />
      <JobTabs jobId={jobId} />
      {children(view)}
    </>
  );
}

function JobHead({ job }: { readonly job: JobSummary }): JSX.Element {
  return (
    <div class="job-head">
      <h1>
        {job.name} <Badge state={job.state} />
      </h1>
      <p class="note">
        <code>{job.id}</code> · {isOver(job) ? "took" : "for"} {durationText(elapsedMs(job, Date.now()))}
        {job.out !== null && (
          <>
            {" "}
            · to <code>{job.out}</code>
          </>
        )}
      </p>
      {report === undefined && !isOver(job) && <Controls job={job} />}
    </div>
  );
}

/** Nothing is offered that would be refused. */
function Controls({ job }: { readonly job: JobSummary }): JSX.Element | null {
  const { data: me } = useData<MeView>("/v1/me");
  if (me === undefined) return null;
  return me.mayControl ? (
    <Buttons job={job} />
  ) : (
    <p class="note">Your token is {me.role ?? "unknown"}: it may look, and not cancel or pause.</p>
  );
}

function Buttons({ job }: { readonly job: JobSummary }): JSX.Element {
  const error = useSignal("");
  const isSure = useSignal(false);
  const send = (verb: "cancel" | "pause" | "resume"): void => {
    error.value = "";
    isSure.value = false;
    post(`/v1/jobs/${job.id}/${verb}`).catch((thrown: unknown) => {
      error.value = thrown instanceof Error ? thrown.message : String(thrown);
    });
  };
  return (
    <div class="toolbar">
      {job.state === "paused" ? (
        <button type="button" onClick={() => send("resume")}>
          Resume
        </button>
      ) : (
        <button type="button" onClick={() => send("pause")} disabled={job.state === "committing"}>
          Pause
        </button>
      )}
      {isSure.value ? (
        <button type="button" class="danger" onClick={() => send("cancel")}>
          Cancel it: nothing will be published
        </button>
      ) : (
        <button
          type="button"
          onClick={() => {
            isSure.value = true;
          }}
          disabled={job.commit === "decided"}
        >
          Cancel…
        </button>
      )}
      {error.value !== "" && (
        <p class="bad" role="alert">
          {error.value}
        </p>
      )}
    </div>
  );
}
