/** Judges what is on the page by the rules of WCAG 2.1 A and AA, as far as a program can (axe). */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { expect } from "vitest";

const axe: string = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

export async function expectAccessible(page: Page): Promise<void> {
  // By the debugger's door, which the page's content security policy does not close.
  await page.evaluate(axe);
  const { violations, passes } = (await page.evaluate(
    "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }).then(({ violations, passes }) => ({ violations, passes: passes.length }))",
  )) as { readonly violations: readonly Violation[]; readonly passes: number };
  const told = violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`),
  );
  expect(told).toEqual([]);
  // That many rules at least had something to look at.
  expect(passes).toBeGreaterThan(10);
}
