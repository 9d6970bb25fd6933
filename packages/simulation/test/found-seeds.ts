/** Where each planted bug was found last. */
export const foundSeeds: Readonly<Record<string, number>> = {
  "partial-map-set": 61,
  "lost-output-kept": 3,
};
