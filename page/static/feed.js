// Asking the service: with the cookie of its host or with a token, and line by line.

/**
 * @typedef {import("./texts.js").TextName} TextName
 * @typedef {{people: number, guests: number, ended: number}} Counts
 * @typedef {Counts & {client: number}} Application
 * @typedef {Counts & {within?: number}} Step
 * @typedef {Counts & {persons: number, waiting: number | null, endedGuests: number, applications: Application[], activity: Step[]}} FiguresOf
 * @typedef {[pseudonym: string, flags: number, client: number, user: number, username: string, name: string,
 *   last: number | null, started: number | null, requests: number, agent: number | string]} FeedRow times are ages
 * @typedef {[id: number, username: string, name: string, flags: number, groups: number[]]} FeedUser
 * @typedef {{now?: number, user?: number, figures?: FiguresOf, whole?: boolean, counting?: boolean, agents?: string[], rows?: FeedRow[],
 *   ended?: number[], waiting?: number[], groups?: [id: number, title: string][], users?: FeedUser[]}} Line
 * @typedef {"unauthenticated" | "forbidden" | "gone"} Kind
 * @typedef {{kind: Kind, name: TextName, values: Record<string, string>}} Fault why there is no answer, as it can be sent
 */

/** A Failure says why there is no answer. Its kind is "unauthenticated" or "forbidden" if access is refused, else "gone". */
export class Failure extends Error {
  /**
   * @param {Kind} kind
   * @param {TextName} name of a text
   * @param {Record<string, string>} [values]
   */
  constructor(kind, name, values = {}) {
    super(name);
    /** @type {Fault} */
    this.fault = {kind, name, values};
  }
}

/**
 * faultOf returns the fault that an error stands for: what is no Failure comes from an answer that is not ours.
 * @param {unknown} error
 * @returns {Fault}
 */
export const faultOf = (error) => error instanceof Failure ? error.fault : {kind: "gone", name: "notAFeed", values: {}};

/** Why a user who is known is refused, in the words of the service.
 * @type {Map<string, TextName>} */
const reasons = new Map([
  ["Not authorized: second factor is pending.", "forbiddenFactor"],
  ["Not authorized: no core.admin.", "forbiddenAdmin"],
  ["Not authorized: user is blocked.", "forbiddenBlocked"],
]);

const patience = 20_000; // milliseconds without a byte

/**
 * ask returns the answer of the service, which is 200. A token goes along by itself: a cookie of somebody else must not
 * count before it.
 * @param {string} address
 * @param {string} token
 * @param {AbortSignal} [signal]
 */
export async function ask(address, token, signal) {
  /** @type {Record<string, string>} */
  const headers = token ? {Authorization: "Bearer " + token, token} : {};
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), patience);
  let response;
  try {
    response = await fetch(address, {headers, credentials: token ? "omit" : "same-origin", cache: "no-store",
      signal: signal ? AbortSignal.any([signal, waiting.signal]) : waiting.signal});
  } catch (error) {
    throw signal?.aborted ? error : new Failure("gone", waiting.signal.aborted ? "silent" : "unreachable");
  } finally {
    clearTimeout(timer);
  }
  switch (response.status) {
    case 200:
      return response;
    case 401:
      throw new Failure("unauthenticated", token ? "unauthenticatedToken" : "unauthenticated");
    case 403: {
      const message = await response.json().then(({msg}) => String(msg), () => "");
      throw new Failure("forbidden", reasons.get(message) ?? "forbidden");
    }
    case 503:
      throw new Failure("gone", "unavailable");
    default:
      throw new Failure("gone", "failed", {status: String(response.status)});
  }
}

/**
 * list returns the list that the service answers with.
 * @param {string} address
 * @param {string} token
 * @returns {Promise<any[]>}
 */
export async function list(address, token) {
  const {msg} = await (await ask(address, token)).json();
  if (!Array.isArray(msg)) {
    throw new Failure("gone", "notAFeed");
  }
  return msg;
}

/**
 * next returns the next part of a body, unless it takes too long.
 * @param {ReadableStreamDefaultReader<string>} reader
 * @returns {Promise<ReadableStreamReadResult<string>>}
 */
async function next(reader) {
  let timer = 0;
  const silence = new Promise((_, reject) => {
    timer = Number(setTimeout(() => reject(new Failure("gone", "silent")), patience));
  });
  try {
    return /** @type {ReadableStreamReadResult<string>} */ (await Promise.race([reader.read(), silence]));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * readFeed calls take with each line of a feed, of which the last must be whole figures. A feed that ends without them was
 * cut, whatever came after it.
 * @param {string} address
 * @param {string} token
 * @param {AbortSignal} signal
 * @param {(line: Line) => void} take
 */
export async function readFeed(address, token, signal, take) {
  const response = await ask(address, token, signal);
  const body = /** @type {ReadableStream<BufferSource>} */ (response.body);
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", whole = false;
  for (;;) {
    let part;
    try {
      part = await next(reader);
    } catch (error) {
      reader.cancel().catch(() => {}); // It has failed already.
      throw signal.aborted || error instanceof Failure ? error : new Failure("gone", "brokeOff");
    }
    if (part.done) {
      break;
    }
    const lines = (rest + part.value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      let value;
      try {
        value = JSON.parse(line);
      } catch {
        reader.cancel().catch(() => {});
        throw new Failure("gone", "notAFeed");
      }
      whole = value?.whole === true;
      take(value ?? {});
    }
  }
  if (!whole) {
    throw new Failure("gone", rest.trimStart().startsWith("<") ? "notAFeed" : "brokeOff");
  }
}
