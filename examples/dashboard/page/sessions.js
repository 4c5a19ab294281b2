// Reading the session list, down to what the page shows.

import {browserName} from "./browser.js";

// The kinds of sessions, in the order in which the page shows them. A session belongs to an administrator if its user
// is logged in to the administrator application: the list does not say more.
export const kinds = ["guest", "user", "administrator"];

const applications = new Map([
  ["0", "Site"], ["1", "Administrator"], ["2", "Installation"], ["3", "API"], ["4", "CLI"],
  ["", "Shared"], // Null: site and administrator share one session.
]);

// A Failure says why there is no list. Its kind is "unauthenticated" or "forbidden" if access is refused, or "gone".
export class Failure extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

// readSessions asks the server for its list. It returns the sessions, and the server's time in seconds since 1970.
export async function readSessions(token, signal) {
  const headers = token ? {Authorization: "Bearer " + token} : {};
  let response, envelope;
  try {
    // Joomla's own cookies go along where the page is served by the site's origin.
    response = await fetch("api/v1/user/sessions", {headers, signal, credentials: "same-origin", cache: "no-store"});
    // The text of a list that was cut short ends in an error here, so that a part is never taken for the whole.
    envelope = await response.text();
  } catch (error) {
    if (signal.aborted && signal.reason?.name !== "TimeoutError") {
      throw error;
    }
    if (error.name === "TimeoutError") {
      throw new Failure("gone", "The server did not answer in time.");
    }
    throw new Failure("gone", response?.ok ?
      "The server broke off in the middle of the list." :
      "The server cannot be reached.");
  }
  switch (response.status) {
    case 200:
      break;
    case 401:
      throw new Failure("unauthenticated", token ?
        "Access refused: the server does not accept this token." :
        "Access refused: you are not logged in here as a Super Admin.");
    case 403:
      throw new Failure("forbidden", "Access refused: only Super Admins may see the sessions.");
    default:
      throw new Failure("gone", `The server has failed (status ${response.status}).`);
  }
  let sessions;
  try {
    sessions = JSON.parse(envelope).msg.map(session);
  } catch {
    throw new Failure("gone", "The server sent something else than a session list.");
  }
  const date = Date.parse(response.headers.get("Date"));
  return {sessions, now: (Number.isNaN(date) ? Date.now() : date) / 1000};
}

// session keeps of a row what the page shows. Values may be strings, numbers or null.
function session(row) {
  const client = String(row.client_id ?? "");
  const guest = Number(row.guest ?? 1) !== 0;
  const kind = guest ? "guest" : client === "1" ? "administrator" : "user";
  const application = applications.get(client) ?? "Application " + client;
  const username = String(row.username ?? "");
  const userID = Number(row.userid ?? 0);
  const {browser: agent, started, requests} = state(row.data);
  const browser = browserName(agent);
  return {
    kind, application, username, userID, agent, browser, started, requests,
    time: Number(row.time ?? 0),
    id: shortID(String(row.session_id ?? "")),
    // What the filter looks at, and what the columns of text are sorted by.
    text: [username, userID || "", application, kind, agent].join("\n").toLowerCase(),
    sortUsername: username.toLowerCase(),
    sortBrowser: browser.toLowerCase(),
  };
}

// state reads what the server leaves of a session's data: a JSON object, or null.
function state(data) {
  let state = null;
  try {
    state = JSON.parse(data);
  } catch {
    // Not from this server, so nothing is known.
  }
  return {
    browser: String(state?.browser ?? ""), started: Number(state?.started ?? 0), requests: Number(state?.requests ?? 0),
  };
}

// shortID returns the beginning of id: enough to tell rows apart, too little to take a session over.
function shortID(id) {
  return id && id.slice(0, Math.min(4, id.length / 4)) + "…";
}
