/** The same storage, with every append timed: from a record being handed over to its being durable. */
import type { PaxosStorage } from "@fanfold/paxos";
import type { Clock } from "@fanfold/transport";

export function timedStorage(
  storage: PaxosStorage,
  clock: Clock,
  onSynced: (elapsedMs: number) => void,
): PaxosStorage {
  return {
    append(records, done) {
      const startMs = clock.elapsedMs();
      storage.append(records, () => {
        onSynced(clock.elapsedMs() - startMs);
        done();
      });
    },
    truncate: (upTo) => storage.truncate(upTo),
  };
}
