/** Every bound of what is remembered, with its reason. */

/** Attempts of one job that are remembered: the largest job of the MapReduce paper (200,000 maps, 5,000 reduces) and its retries. */
export const attemptsPerJobMax = 262_144;

/** Attempts of all jobs together; about 80 bytes each, so 40 MB. The rows of jobs that ended longest ago go first. */
export const attemptsMax = 524_288;

/** Events of one job; the newest stay. A job that fails every task a few times would otherwise fill memory with it. */
export const eventsPerJobMax = 2_000;

/** Events of the cluster: workers that come and go, leaders. */
export const clusterEventsMax = 2_000;

/** Reigns that are remembered, newest last. */
export const reignsMax = 200;

/** Characters of an event's text. */
export const eventTextMax = 2_000;

/** Workers of a matrix's rows; later ones are added to the last row. */
export const shuffleWorkersMax = 512;

/** Rows in one answer. */
export const attemptsPerAnswerMax = 25_000;
