/** Every limit and default of the scheduler, with its reason. */

/** Tries of a task whose code throws, unless the job says otherwise: Hadoop's and Spark's default, which users know. */
export const failedAttemptsMax = 4;

/**
 * Times a task may take its executor's process down. More than `failedAttemptsMax`, since a process also dies of
 * causes outside the task (memory pressure by its neighbours); as many as the job's `maxAttempts` when it sets one.
 */
export const executorExitsMax = 10;

/**
 * An attempt that shows no progress for so long hangs, unless the job says otherwise: Hadoop's default. User code that
 * works on one record for longer can log a line now and then, which counts as progress.
 */
export const stallTimeoutMs = 600_000;

/** Reports against one map output before it is held to be lost: one may be the reader's own bad network. */
export const fetchFailuresMax = 3;

/** How long a failed fetch speaks against the two workers between whom it failed. */
export const unreachedWindowMs = 60_000;

/** Times a done stage is opened again because of fetch failures; a network that needs a fifth is not going to heal. */
export const fetchRoundsMax = 4;

/** Failed fetches of one reduce task in all. Ends the loop of a reader that can reach nobody but blames no one. */
export const fetchFailuresPerTaskMax = 50;

/** Finished jobs that are remembered, oldest forgotten first. */
export const finishedJobsMax = 100;

/** Jobs that are not over. Each costs the leader a few kilobytes and a turn in every round. */
export const unfinishedJobsMax = 10_000;

/** Tasks of one stage; the planner's own limit on splits. */
export const tasksPerStageMax = 1_000_000;

/** Splits in one log entry, to keep entries to a megabyte or two. */
export const splitsPerCommandMax = 10_000;

/** Results in one log entry, likewise. */
export const resultsPerCommandMax = 1_000;

/** Distinct user counters kept a job; further names are dropped. They are held for the job's whole life. */
export const counterNamesMax = 1_000;

/** Tries of a participant to commit or abort, after which it is given up; a vote has one. */
export const publicationTriesMax = 8;

/** Pause between them: long enough for a disk or a service to come back within all of them. */
export const publicationRetryMs = 2_000;

/** Skipped records that the error names when there were too many; all are in the attempts' files. */
export const skippedNamedMax = 5;

/** Characters of an error message or stack that the table keeps. */
export const errorTextMax = 8_192;

/**
 * How long a new leader waits at most for workers to report what they run before it hands tasks out anew; it waits no
 * longer once all that the log knows of are back. Waiting costs idle slots, not waiting costs running work.
 */
export const adoptionGraceMs = 3_000;

/** Partitions a slot, where nobody says how many: two rounds of reduce tasks even out unequal partitions. */
export const partitionsPerSlot = 2;

/** Share of the maps that must be done before a reduce attempt fetches: less is not worth a slot, even a free one. */
export const earlyFetchShare = 0.5;

/** An attempt younger than this is not called slow: start-up, and a fetch, have no rate yet. */
export const backupAfterMs = 2_000;

/** How often the running attempts of a stage are looked at for stragglers, each time all of them. */
export const backupCheckMs = 500;

/** Attempts at or below this quantile of the stage's rates are slow (LATE's SlowTaskThreshold). */
export const slowTaskQuantile = 0.25;

/** A worker slower than this share of the median worker gets no backups (LATE's SlowNodeThreshold, see `StagePace`). */
export const slowWorkerShare = 0.5;

/** Backups may hold this share of all slots (LATE's SpeculativeCap), and one at least. */
export const backupSlotShare = 0.1;

/** Different tasks that must have failed on one worker, and on no other, before the machine is suspected. */
export const quarantineFailures = 3;

/** Failures are held against a worker for so long. */
export const quarantineWindowMs = 300_000;

/** How long a quarantined worker gets no tasks: the first time, and twice as long each time after, up to the longest. */
export const quarantineMs = 30_000;
export const quarantineMaxMs = 600_000;

/** Workers on which one record must have failed before more tries are pointless. */
export const recordFailureWorkers = 3;
