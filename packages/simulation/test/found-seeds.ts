/** Where each planted bug was found last. */
export const foundSeeds: Readonly<Record<string, number>> = {
  "partial-map-set": 15,
  "lost-output-kept": 3,
};
