/** Runs until it is told to stop. */
import { defineJob, type Emit, textLines } from "fanfold";

export default defineJob({
  name: "waits",
  input: textLines(),
  async map(line, emit: Emit<string, number>, context) {
    context.log.info("waiting", { line });
    context.output("side").write(line);
    await new Promise((_resolve, reject) => {
      context.signal.addEventListener("abort", () => reject(context.signal.reason));
    });
    emit(line, 1);
  },
});
