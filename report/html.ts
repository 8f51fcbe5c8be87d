/** What the pages of reports share: a frame that needs nothing from elsewhere, and its colours, light and dark. */

/** A text for HTML, in attributes too. */
export const escaped = (text: string) =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");

/** `--fg` and `--bg` are ink and paper, `--soft` small print, `--line` rules; `colors` adds a page's own. */
const style = (light: string, dark: string) =>
  `:root{color-scheme:light dark;--fg:#1c1e21;--bg:#fff;--soft:#656d76;--line:#d8dee4;${light}}
@media screen and (prefers-color-scheme:dark){:root{--fg:#e6e8eb;--bg:#14171a;--soft:#9aa4af;--line:#343b43;${dark}}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);margin:0 auto;padding:1rem}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.1rem;margin:2rem 0 0}
p{margin:.3rem 0}.soft,small{color:var(--soft)}a{color:inherit}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.15rem .6rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
td:first-child,th:first-child{text-align:left;padding-left:0}
@media(max-width:34rem){table{font-size:.85rem}td,th{padding:.15rem .3rem}}`;

export interface PageStyle {
  /** Custom properties as `--bar:#9db4cf;`, for light paper and for dark. */
  readonly light: string;
  readonly dark: string;
  /** Rules of this page. */
  readonly rules: string;
}

/** A whole document; `body` is HTML. */
export function htmlPage(title: string, { light, dark, rules }: PageStyle, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escaped(title)}</title><style>${style(light, dark)}
${rules}</style></head><body>
${body}
</body></html>
`;
}
