// The sessions of a feed, in columns, and views of them: which are shown, and in what order.

import {browserName} from "./browser.js";
import {applicationName, text} from "./texts.js";

// heading stands in a view for the line above the sessions that have ended.
export const heading = 0xffffffff;

const isEnded = 1, isWaiting = 2; // flags

// A Column is a typed array that grows.
class Column {
  constructor(type) {
    this.values = new type(1024);
  }
  set(i, value) {
    if (i >= this.values.length) {
      const values = new this.values.constructor(2 * this.values.length);
      values.set(this.values);
      this.values = values;
    }
    this.values[i] = value;
  }
}

// A Dataset holds sessions in columns, and what they have in common once: people, browsers.
export class Dataset {
  length = 0;
  flags = new Column(Uint8Array);
  client = new Column(Float64Array);
  person = new Column(Uint32Array);
  last = new Column(Float64Array);
  started = new Column(Float64Array);
  requests = new Column(Float64Array);
  agent = new Column(Int32Array); // 0 is none
  pseudonym = new Column(Float64Array);
  people = []; // of {user, username, name, search}
  agents = [{agent: "", browser: "", search: ""}];
  #people = new Map(); // from user id or name
  #sent = []; // the numbers of the agents that the feed has given numbers
  #inline = new Map();
  #clients = new Map(); // their names, in lower case

  // addAgents adds browsers, which rows then have by their number.
  addAgents(agents) {
    this.#sent.push(...agents.map((agent) => this.#agent(String(agent))));
  }

  #agent(agent) {
    const browser = browserName(agent);
    return this.agents.push({agent, browser, search: (browser + "\n" + agent).toLowerCase()}) - 1;
  }

  // addRows adds sessions.
  addRows(rows) {
    for (const [pseudonym, flags, client, user, username, name, last, started, requests, agent] of rows) {
      const i = this.length++;
      this.pseudonym.set(i, parseInt(pseudonym, 16));
      this.flags.set(i, flags);
      this.client.set(i, client);
      this.last.set(i, last);
      this.started.set(i, started);
      this.requests.set(i, requests);
      let number = 0;
      if (typeof agent === "string") {
        number = this.#inline.get(agent) ?? this.#agent(agent);
        this.#inline.set(agent, number);
      } else if (agent >= 0) {
        number = this.#sent[agent];
      }
      this.agent.set(i, number);
      if (!this.#clients.has(client)) {
        this.#clients.set(client, applicationName(client).toLowerCase());
      }
      this.person.set(i, this.#person(user, username, name));
    }
  }

  #person(user, username, name) {
    const key = user || username;
    let n = this.#people.get(key);
    if (n === undefined) {
      n = this.people.push({user, username: "", name: "", search: ""}) - 1;
      this.#people.set(key, n);
    }
    const person = this.people[n];
    if (!person.search || username && !person.username || name && !person.name) {
      person.username ||= username;
      person.name ||= name;
      person.search = [person.username, person.name, user || ""].join("\n").toLowerCase();
    }
    return n;
  }

  // setEnded marks sessions that have ended after all.
  setEnded(rows) {
    for (const i of rows) {
      this.flags.values[i] |= isEnded;
    }
  }

  // setWaiting marks the sessions that wait for the second factor.
  setWaiting(rows) {
    for (const i of rows) {
      this.flags.values[i] |= isWaiting;
    }
  }

  // view returns the sessions that a filter leaves, in order: first those who are logged in, then what has ended. Those of
  // a person stand together.
  view({words, section, application, column, down}) {
    const n = this.length, count = this.people.length;
    const flags = this.flags.values, clients = this.client.values, people = this.person.values, agents = this.agent.values;
    // For each word, in whom and in what it is: then sessions cost a few look-ups each, however many there are.
    const waits = text("badgeWaiting").toLowerCase(), over = text("badgeEnded").toLowerCase();
    const found = words.map((word) => ({
      people: Uint8Array.from(this.people, ({search}) => search.includes(word)),
      agents: Uint8Array.from(this.agents, ({search}) => search.includes(word)),
      clients: new Map(Array.from(this.#clients, ([client, name]) => [client, name.includes(word)])),
      waiting: waits.includes(word), ended: over.includes(word),
    }));
    const matches = new Uint8Array(n);
    const counts = [new Uint32Array(count), new Uint32Array(count)]; // by section: of those who are here, of what ended
    const keys = [new Float64Array(count), new Float64Array(count)];
    const key = this.#key(column);
    const sessions = [0, 0];
    for (let i = 0; i < n; i++) {
      const ended = flags[i] & isEnded, waiting = flags[i] & isWaiting;
      if (section === "loggedIn" && (ended || waiting) || section === "waiting" && !waiting || section === "ended" && !ended ||
          application !== null && clients[i] !== application) {
        continue;
      }
      let all = true;
      for (const f of found) {
        if (!(f.people[people[i]] || f.agents[agents[i]] || f.clients.get(clients[i]) ||
              waiting && f.waiting || ended && f.ended)) {
          all = false;
          break;
        }
      }
      if (!all) {
        continue;
      }
      matches[i] = 1;
      const part = ended ? 1 : 0, person = people[i], k = key(i);
      sessions[part]++;
      if (counts[part][person]++ === 0 || (down ? k > keys[part][person] : k < keys[part][person])) {
        keys[part][person] = k; // A person stands where the first session does.
      }
    }
    const shown = counts.map((counts) => counts.reduce((sum, c) => sum + (c > 0), 0));
    const order = new Uint32Array(sessions[0] + sessions[1] + (sessions[1] > 0));
    let next = 0;
    const sign = down ? -1 : 1;
    for (const part of [0, 1]) {
      if (part === 1 && sessions[1] > 0) {
        order[next++] = heading;
      }
      const list = new Uint32Array(shown[part]);
      for (let person = 0, i = 0; person < count; person++) {
        if (counts[part][person] > 0) {
          list[i++] = person;
        }
      }
      this.#sortPeople(list, keys[part], sign);
      const places = new Uint32Array(count);
      for (const person of list) {
        places[person] = next;
        next += counts[part][person];
      }
      for (let i = 0; i < n; i++) {
        if (matches[i] && (flags[i] & isEnded) === part) {
          order[places[people[i]]++] = i;
        }
      }
      for (const person of list) {
        if (counts[part][person] > 1) {
          sortFew(order, places[person] - counts[part][person], places[person], (a, b) => sign * (key(a) - key(b)) || a - b);
        }
      }
    }
    return {order, counts, sessions, people: shown};
  }

  // #sortPeople sorts people by their keys and, where these are the same, by name. Both go into one number where they fit,
  // as times and counts do: engines sort numbers much faster than they compare by a function.
  #sortPeople(list, keys, sign) {
    const {ranks, order, places} = this.#names(), count = order.length;
    let least = Infinity, most = -Infinity, whole = true;
    for (const person of list) {
      const key = sign * keys[person];
      least = Math.min(least, key);
      most = Math.max(most, key);
      whole &&= Number.isInteger(key);
    }
    if (!whole || (most - least + 1) * count > Number.MAX_SAFE_INTEGER) {
      list.sort((a, b) => sign * (keys[a] - keys[b]) || ranks[a] - ranks[b]);
      return;
    }
    const numbers = Float64Array.from(list, (person) => (sign * keys[person] - least) * count + places[person]).sort();
    for (let i = 0; i < list.length; i++) {
      list[i] = order[numbers[i] % count];
    }
  }

  // #key returns the number by which a column sorts sessions.
  #key(column) {
    switch (column) {
      case "user": {
        const {ranks} = this.#names();
        return (i) => ranks[this.person.values[i]];
      }
      case "application": {
        const names = new Map([...this.#clients].sort(([, a], [, b]) => a < b ? -1 : 1).map(([client], rank) => [client, rank]));
        return (i) => names.get(this.client.values[i]);
      }
      case "browser": {
        const {ranks} = rank(this.agents, ({browser}) => browser.toLowerCase() || "\uffff");
        return (i) => ranks[this.agent.values[i]];
      }
      default: {
        const values = this[column].values;
        return (i) => values[i];
      }
    }
  }

  // #names returns the order of people by their names.
  #names() {
    if (this.names?.ranks.length !== this.people.length) {
      this.names = rank(this.people, ({name, username, user}) => (name || username).toLowerCase() || "\uffff" + user);
    }
    return this.names;
  }

  // row returns what is shown in a place of a view.
  row(view, place) {
    const {order, counts, sessions, people} = view, i = order[place];
    if (i === heading) {
      return {heading: true, sessions: sessions[1], people: people[1]};
    }
    const flags = this.flags.values[i], person = this.people[this.person.values[i]], {agent, browser} = this.agents[this.agent.values[i]];
    const before = place > 0 ? order[place - 1] : heading;
    return {
      user: person.user, username: person.username, name: person.name,
      first: before === heading || this.person.values[before] !== this.person.values[i],
      sessions: counts[flags & isEnded][this.person.values[i]],
      ended: (flags & isEnded) !== 0, waiting: (flags & isWaiting) !== 0,
      client: this.client.values[i], last: this.last.values[i], started: this.started.values[i],
      requests: this.requests.values[i], agent, browser,
      pseudonym: Number.isNaN(this.pseudonym.values[i]) ? "" : this.pseudonym.values[i].toString(16).padStart(10, "0"),
    };
  }
}

// sortFew sorts a part of a list, which is short as a rule.
function sortFew(list, from, to, compare) {
  if (to - from > 16) {
    list.subarray(from, to).sort(compare);
    return;
  }
  for (let i = from + 1; i < to; i++) {
    const element = list[i];
    let place = i;
    for (; place > from && compare(list[place - 1], element) > 0; place--) {
      list[place] = list[place - 1];
    }
    list[place] = element;
  }
}

// rank returns the elements of a list in the order of their texts, their places in that, and their ranks: the same text
// has the same rank.
function rank(list, of) {
  const texts = list.map(of), ranks = new Float64Array(list.length), places = new Uint32Array(list.length);
  const order = Uint32Array.from(list, (_, i) => i).sort((a, b) => texts[a] < texts[b] ? -1 : texts[a] > texts[b] ? 1 : 0);
  order.forEach((element, place) => {
    ranks[element] = place > 0 && texts[order[place - 1]] === texts[element] ? ranks[order[place - 1]] : place;
    places[element] = place;
  });
  return {order, places, ranks};
}
