/**
 * Draws a profile as a flame graph (after Brendan Gregg, "The Flame Graph", 2016): a box is a function, its width the
 * time spent in it and in what it called, which stands on top of it. Boxes too narrow to see are left out.
 */

/** A function, and those it called. */
export interface Frame {
  readonly name: string;
  /** Own time and that of all callees, in any unit. */
  total: number;
  readonly callees: Map<string, Frame>;
}

const width = 1200;
const rowHeight = 17;
const titleHeight = 30;
const charWidth = 6.6;
const boxWidthMin = 1.5;

export function createFrame(name: string): Frame {
  return { name, total: 0, callees: new Map() };
}

/** Adds `time` to the stack below `root`, outermost function first. */
export function addStack(root: Frame, stack: readonly string[], time: number): void {
  root.total += time;
  let frame = root;
  for (const name of stack) {
    let callee = frame.callees.get(name);
    if (callee === undefined) {
      callee = createFrame(name);
      frame.callees.set(name, callee);
    }
    callee.total += time;
    frame = callee;
  }
}

/** An SVG document. */
export function flameGraph(root: Frame, title: string): string {
  const scale = width / root.total;
  const boxes: string[] = [];
  let rows = 0;
  const draw = (frame: Frame, left: number, row: number): void => {
    if (frame.total * scale < boxWidthMin) return;
    rows = Math.max(rows, row + 1);
    boxes.push(boxOf(frame, { left, row, scale, share: frame.total / root.total }));
    let at = left;
    for (const callee of [...frame.callees.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      draw(callee, at, row + 1);
      at += callee.total * scale;
    }
  };
  draw(root, 0, 0);
  const height = titleHeight + rows * rowHeight + 10;
  // Rows count from the bottom.
  const base = height - 10 - rowHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="11">`,
    `<rect width="100%" height="100%" fill="#fffdf7"/>`,
    `<text x="8" y="19" font-size="14">${escapeXml(title)}</text>`,
    `<g transform="translate(0 ${base})">`,
    ...boxes,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

interface Place {
  readonly left: number;
  readonly row: number;
  readonly scale: number;
  readonly share: number;
}

function boxOf(frame: Frame, { left, row, scale, share }: Place): string {
  const boxWidth = frame.total * scale;
  const chars = Math.floor((boxWidth - 6) / charWidth);
  const text = frame.name.length <= chars ? frame.name : `${frame.name.slice(0, Math.max(0, chars - 1))}…`;
  const label = chars < 3 ? "" : `<text x="3" y="12">${escapeXml(text)}</text>`;
  const tip = `<title>${escapeXml(frame.name)}: ${(100 * share).toFixed(1)} %</title>`;
  const box = `<rect width="${boxWidth.toFixed(1)}" height="${rowHeight - 1}" fill="${colourOf(frame.name)}"/>`;
  return `<g transform="translate(${left.toFixed(1)} ${-row * rowHeight})">${tip}${box}${label}</g>`;
}

/** Warm colours, the same for the same name. */
function colourOf(name: string): string {
  let hash = 0;
  for (let i = 0; i < name.length; i += 1) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
  return `hsl(${20 + ((hash >>> 0) % 35)} 85% ${64 + ((hash >>> 8) % 12)}%)`;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
