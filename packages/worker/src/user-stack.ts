/** What of an error's stack its author wants to see: their own lines, not the engine's. */
const engineFrame =
  /\((?:file:\/\/)?[^)]*\/(?:@fanfold\/[a-z]+|packages\/(?:dataflow|worker|storage))\/dist\/|node:internal/;
const engineFrameBare =
  /at (?:file:\/\/)?[^ (]*\/(?:@fanfold\/[a-z]+|packages\/(?:dataflow|worker|storage))\/dist\//;

/** Drops the frames below the user's function. */
export function userStack(stack: string): string {
  const lines = stack.split("\n");
  const kept = lines.filter((line) => {
    const isFrame = /^\s+at /.test(line);
    return !isFrame || !(engineFrame.test(line) || engineFrameBare.test(line));
  });
  return kept.join("\n");
}
