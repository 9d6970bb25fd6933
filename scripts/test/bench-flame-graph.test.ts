import { describe, expect, it } from "vitest";
import { addStack, createFrame, flameGraph } from "../bench/flame-graph.js";

describe("a flame graph", () => {
  it("gives a function its own time and that of what it called, over all stacks", () => {
    const root = createFrame("all");
    addStack(root, ["main", "sort"], 30);
    addStack(root, ["main", "sort", "compare"], 50);
    addStack(root, ["gc"], 20);
    expect(root.total).toBe(100);
    expect(root.callees.get("main")?.total).toBe(80);
    expect(root.callees.get("main")?.callees.get("sort")?.callees.get("compare")?.total).toBe(50);
    const svg = flameGraph(root, "a title");
    expect(svg).toContain("<title>main: 80.0 %</title>");
    expect(svg).toContain("<title>compare: 50.0 %</title>");
    expect(svg).toContain('<rect width="960.0" height="16"');
  });

  it("leaves out what is too narrow to see, and escapes names", () => {
    const root = createFrame("all");
    addStack(root, ["a<b>&c"], 99_999);
    addStack(root, ["speck"], 1);
    const svg = flameGraph(root, 'x "y" <z>');
    expect(svg).toContain("a&lt;b&gt;&amp;c");
    expect(svg).toContain("x &quot;y&quot; &lt;z&gt;");
    expect(svg).not.toContain("speck");
  });
});
