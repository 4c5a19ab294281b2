// Asking the service: with the cookie of its host or with a token, and line by line.

// A Failure says why there is no answer. Its kind is "unauthenticated" or "forbidden" if access is refused, else "gone";
// name is that of a text.
export class Failure extends Error {
  constructor(kind, name, values = {}) {
    super(name);
    this.kind = kind;
    this.name = name;
    this.values = values;
  }
}

// ask returns the answer of the service, which is 200. A token goes along by itself: a cookie of somebody else must not
// count before it.
export async function ask(address, token, signal) {
  const headers = token ? {Authorization: "Bearer " + token, token} : {};
  let response;
  try {
    response = await fetch(address, {headers, signal, credentials: token ? "omit" : "same-origin", cache: "no-store"});
  } catch (error) {
    throw signal?.aborted ? error : new Failure("gone", "unreachable");
  }
  switch (response.status) {
    case 200:
      return response;
    case 401:
      throw new Failure("unauthenticated", token ? "unauthenticatedToken" : "unauthenticated");
    case 403: {
      const reason = await response.json().then(({msg}) => /^Not authorized: (.*)\.$/.exec(msg)?.[1], () => undefined);
      throw new Failure("forbidden", reason ? "forbiddenReason" : "forbidden", {reason});
    }
    case 503:
      throw new Failure("gone", "busy");
    default:
      throw new Failure("gone", "failed", {status: String(response.status)});
  }
}

// readFeed calls take with each line of a feed, of which the last must be whole figures. A feed that ends without them
// was cut, whatever came after it.
export async function readFeed(address, token, signal, take) {
  const response = await ask(address, token, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", whole = false;
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch (error) {
      throw signal?.aborted ? error : new Failure("gone", "brokeOff");
    }
    if (part.done) {
      break;
    }
    const lines = (rest + part.value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      let value;
      try {
        value = JSON.parse(line);
      } catch {
        reader.cancel();
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
