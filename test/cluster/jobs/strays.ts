/** Fails where nobody awaits it: the mistake of a promise that is not returned. */
import { defineJob, type Emit, sum, textLines } from "fanfold";

export default defineJob({
  name: "strays",
  input: textLines(),
  async map(line, emit: Emit<string, number>, context) {
    const later = async (): Promise<void> => {
      await Promise.resolve();
      throw new Error("stray failure");
    };
    if (context.params["how"] === "rejects") void later();
    else {
      setTimeout(() => {
        throw new Error("stray failure");
      }, 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    emit(line, 1);
  },
  reduce: sum(),
});
