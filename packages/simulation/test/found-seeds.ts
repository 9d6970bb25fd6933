/** Where each planted bug was found last. */
export const foundSeeds: Readonly<Record<string, number>> = {
  "superseded-result-counts": 86,
  "remade-result-adds-up": 3,
  "publish-undecided": 2,
  "partial-map-set": 15,
};
