/** Puts a job's data and the page's own code into one file that needs no server. Pure, and runs in Node. */

export interface ReportFiles {
  readonly script: string;
  readonly style: string;
  /** SHA-256 of a text, in base64. */
  hash(text: string): string;
}

/** `report` is a `SavedReport`. */
export function reportHtml(report: object, title: string, { script, style, hash }: ReportFiles): string {
  const code = script.replaceAll("</script", "<\\/script");
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${hash(code)}'`,
    `style-src 'sha256-${hash(style)}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  // Whatever a job's names and messages hold, they cannot end the element that they are in.
  const data = JSON.stringify(report).replaceAll("<", "\\u003c");
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escaped(title)}</title>`,
    `<style>${style}</style>`,
    "</head>",
    "<body>",
    '<div id="page"></div>',
    `<script type="application/json" id="fanfold-report">${data}</script>`,
    `<script type="module">${code}</script>`,
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
