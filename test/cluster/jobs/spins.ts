/** Blocks its process for ever: only killing it helps. */
import { defineJob, type Emit, textLines } from "fanfold";

export default defineJob({
  name: "spins",
  input: textLines(),
  map(line, emit: Emit<string, number>, context) {
    console.log("spinning");
    context.log.info("spinning");
    let turns = 0;
    while (line !== "") turns += 1;
    emit(line, turns);
  },
});
