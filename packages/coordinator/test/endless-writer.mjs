// Promises one ballot after the other in the folder it is given, and prints each once it is acknowledged, until killed.
import { ReplicaStorage } from "../dist/replica-storage.js";

const { storage } = await ReplicaStorage.open(
  process.argv[2],
  { replica: "a" },
  {
    onFatal: (error) => {
      throw error;
    },
  },
);
for (let round = 1; ; round += 1) {
  const records = [{ type: "promised", ballot: { round, replica: "a" } }];
  await new Promise((resolve) => storage.append(records, resolve));
  process.stdout.write(`${round}\n`);
}
