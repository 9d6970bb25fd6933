export { allFaults, type Faults, noFaults } from "./faults.js";
export type { SeedResult } from "./run-seed.js";
export { runSeeds, type SeedsRequest } from "./run-seeds.js";
export { checkSizes, Simulation, type SimulationOptions } from "./simulate.js";
