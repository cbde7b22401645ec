// Requests to the server that gave us this page. All paths are relative to the page, so that the
// server may live below any prefix.

const TOKEN = "bigarrays-token";

/** A request that was not answered as it should be. `status` is 0 if there was no answer. */
export class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.name = "Failure";
    this.status = status;
  }

  /** Whether the same request may do better later. */
  get isPassing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** Takes the token of this tab; it is never part of a link that is copied. */
export function setToken(token) {
  if (token) sessionStorage.setItem(TOKEN, token);
  else sessionStorage.removeItem(TOKEN);
}

/** The path of a volume, each of its folders escaped. */
export const escapeName = (name) => name.split("/").map(encodeURIComponent).join("/");

/** The whole address of a path that is relative to the page. */
export const address = (path) => new URL(path, document.baseURI).href;

/** What is called when the server wants to know who we are; answers whether it is worth trying. */
let askForToken = async () => false;
let asking = null;

export function onUnauthorized(ask) {
  askForToken = ask;
}

/** Fetches a path below the page's folder. */
export async function get(path, { signal, method = "GET" } = {}) {
  for (let attempt = 0; ; attempt++) {
    const token = sessionStorage.getItem(TOKEN);
    // Said to be of a page, or the browser would ask for a password before we can ask for a token.
    const headers = { "X-Requested-With": "bigarrays", ...(token && { Authorization: `Bearer ${token}` }) };
    let response;
    try {
      response = await fetch(path, { signal, method, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failure(0, "the server does not answer");
    }
    if (response.ok) return response;
    if (response.status === 401 && attempt < 3) {
      // Many tiles may be refused at once; one question is enough.
      const changed = sessionStorage.getItem(TOKEN) !== token;
      asking ??= changed ? null : askForToken().finally(() => (asking = null));
      if (changed || (await asking)) continue;
    }
    throw new Failure(response.status, await story(response));
  }
}

/** Fetches JSON. */
export async function getJson(path, options) {
  const response = await get(path, options);
  try {
    return await response.json();
  } catch {
    throw new Failure(response.status, "the server's answer is not JSON");
  }
}

let config = null;

/** What the server says of itself; asked once. */
export function getConfig() {
  config ??= getJson("../v1/config").catch((error) => {
    config = null;
    throw error;
  });
  return config;
}

/** What the server says of a failure, in a line. */
async function story(response) {
  const head = `${response.status} ${response.statusText}`.trim();
  let text = "";
  try {
    text = (await response.text()).trim();
  } catch {
    return head;
  }
  if (/json/.test(response.headers.get("Content-Type") ?? "")) {
    try {
      const body = JSON.parse(text);
      const said = body.message ?? body.error?.message ?? body.error ?? body.detail;
      if (typeof said === "string") return `${said} (${response.status})`;
    } catch {
      // Said to be JSON and is not: shown as it is.
    }
  }
  if (!text || /^\s*</.test(text)) return head;
  return `${text.split("\n")[0].slice(0, 300)} (${response.status})`;
}
