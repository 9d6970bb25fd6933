/** Where the bytes of a job's shuffles lie: by worker that holds them and partition that they are for. */
import type { ShuffleMatrixView } from "@fanfold/history";
import type { JSX } from "preact";
import { bytesText, percentText } from "../figures.js";
import { useData } from "../live/data.js";
import { JsonTwin } from "../parts/json-twin.js";
import { Empty, Section, Waiting } from "../parts/section.js";
import { JobFrame } from "./job-head.js";

export function Shuffle({ jobId }: { readonly jobId: string }): JSX.Element {
  const path = `/v1/jobs/${jobId}/shuffle`;
  return (
    <JobFrame jobId={jobId}>
      {({ job }) => (
        <>
          <Matrices path={path} version={job.stages.reduce((sum, { done }) => sum + done, 0)} />
          <JsonTwin path={path} />
        </>
      )}
    </JobFrame>
  );
}

function Matrices({ path, version }: { readonly path: string; readonly version: number }): JSX.Element {
  const { data, error } = useData<{ shuffles: readonly ShuffleMatrixView[] }>(path, version);
  if (data === undefined) return <Waiting error={error} />;
  if (data.shuffles.length === 0)
    return <Empty>No map output is known yet, or the job has no shuffle.</Empty>;
  return (
    <>
      {data.shuffles.map((matrix) => (
        <Matrix key={matrix.stage} matrix={matrix} />
      ))}
    </>
  );
}

function Matrix({ matrix }: { readonly matrix: ShuffleMatrixView }): JSX.Element {
  const { stage, workers, bytes, partitions, partitionsPerColumn } = matrix;
  const columns = bytes[0]?.length ?? 0;
  const sums = Array.from({ length: columns }, (_, column) =>
    bytes.reduce((sum, row) => sum + (row[column] ?? 0), 0),
  );
  const total = sums.reduce((sum, each) => sum + each, 0);
  const most = Math.max(1, ...bytes.flat());
  const largest = sums.indexOf(Math.max(...sums));
  const nameOf = (column: number): string => {
    const first = column * partitionsPerColumn;
    const last = Math.min(partitions, first + partitionsPerColumn) - 1;
    return first === last ? String(first) : `${first}–${last}`;
  };
  return (
    <Section
      title={`Output of stage ${stage}`}
      note={`About ${bytesText(total)} for ${partitions} partitions; partition ${nameOf(largest)} has ${percentText((sums[largest] ?? 0) / Math.max(1, total))} of it, an even share would be ${percentText(1 / Math.max(1, columns))}. Sizes are right within a tenth; outputs made again after a loss count again.`}
    >
      <div class="table-frame">
        <table class="matrix">
          <caption class="unseen">Bytes by worker and partition</caption>
          <thead>
            <tr>
              <th scope="col">worker \ partition</th>
              {sums.map((sum, column) => (
                <th scope="col" key={column} title={bytesText(sum)}>
                  {nameOf(column)}
                </th>
              ))}
              <th scope="col">all</th>
            </tr>
          </thead>
          <tbody>
            {bytes.map((row, i) => (
              <tr key={workers[i]}>
                <th scope="row">{workers[i]}</th>
                {row.map((value, column) => (
                  <Cell key={column} value={value} share={value / most} isWide={columns <= 16} />
                ))}
                <td class="number">{bytesText(row.reduce((sum, each) => sum + each, 0))}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">all</th>
              {sums.map((sum, column) => (
                <Cell key={column} value={sum} share={sum / Math.max(...sums, 1)} isWide={columns <= 16} />
              ))}
              <td class="number">{bytesText(total)}</td>
            </tr>
          </tfoot>
        </table>
      </div>
    </Section>
  );
}

interface CellProps {
  readonly value: number;
  readonly share: number;
  readonly isWide: boolean;
}

function Cell({ value, share, isWide }: CellProps): JSX.Element {
  const text = bytesText(value);
  return (
    <td
      class={share > 0.55 ? "cell strong" : "cell"}
      style={{ "--share": `${Math.round(share * 100)}%` }}
      title={text}
    >
      {isWide ? text : <span class="unseen">{text}</span>}
    </td>
  );
}
