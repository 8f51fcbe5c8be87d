/**
 * Whom the server answers: the user's own browser, showing the server's own page. Other pages in the same browser may
 * send requests here too, and may give their own host the address 127.0.0.1 (DNS rebinding).
 */

/** A request as far as it is judged before anything is read or computed. */
export interface Asked {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** By lower-case name. */
  readonly header: (name: string) => string | undefined;
}

export interface Refusal {
  readonly status: number;
  /** One line. */
  readonly message: string;
}

const forbidden = (message: string): Refusal => ({ status: 403, message });

/** The port that browsers leave out of Host and Origin. */
const DEFAULT_PORT = 80;

/** Why a request for `path` that arrived on `port` is not answered, or null. */
export function refusal({ method, path, header }: Asked, port: number): Refusal | null {
  const names = ["127.0.0.1", "localhost", "[::1]"];
  const hosts = [...names.map((name) => `${name}:${port}`), ...port === DEFAULT_PORT ? names : []];
  const host = header("host") ?? "", origin = header("origin"), site = header("sec-fetch-site");
  if (!hosts.includes(host.toLowerCase())) {
    return forbidden(`Refused: this server answers at http://127.0.0.1:${port}/ only, not as another host`);
  }
  if (origin !== undefined && !hosts.some((each) => origin === `http://${each}`)) {
    return forbidden("Refused: the request comes from another site");
  }
  // A link on another page may lead to this one; nothing else of it may reach what is served, nor may it be framed.
  const navigates = header("sec-fetch-mode") === "navigate" && header("sec-fetch-dest") === "document";
  const link = method === "GET" && path === "/" && navigates;
  if ((site === "cross-site" || site === "same-site") && !link) {
    return forbidden("Refused: the request comes from another site");
  }
  return null;
}

/** What each answer tells the browser: load nothing from elsewhere, run no inline code, show it in no other page. */
export const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};
