/** Where each planted bug was found last. */
export const foundSeeds: Readonly<Record<string, number>> = {
  "superseded-result-counts": 21,
  "remade-result-adds-up": 3,
  "partial-map-set": 17,
  "both-copies-read": 8,
  "lost-output-kept": 3,
  "report-said-once": 4,
  "winner-dropped": 1,
  "early-reader-untold": 1,
  "files-not-named": 1,
  "submit-not-idempotent": 1,
  "segments-kept": 1,
};
