// The sessions of feeds, in columns, and views of them: which are shown, and in what order.

import {browserOf} from "./browser.js";
import {fold, looks, mixed} from "./fold.js";

/**
 * @typedef {import("./feed.js").FeedRow} FeedRow
 * @typedef {import("./feed.js").FeedUser} FeedUser
 * @typedef {"user" | "application" | "last" | "started" | "requests" | "browser"} SortColumn
 * @typedef {"all" | "loggedIn" | "waiting" | "ended"} Section
 * @typedef {{words: string[], section: Section, application: number | null, group: string, superUsers: boolean, column: SortColumn,
 *   down: boolean}} Query
 * @typedef {{language: string, applications: Map<number, string>, waiting: string, ended: string, superUser: string}} Words what
 *   rows are called on the page, which is searched, too; all but applications are folded
 * @typedef {{site: number, user: number, username: string, name: string, renamed: string, super: boolean, blocked: boolean,
 *   exists: boolean, deleted: boolean, you: boolean, groups: number[], search: string, mixed: boolean, like: boolean}} Person
 * @typedef {{order: Uint32Array, counts: Uint32Array[], sessions: number[], people: number[]}} View
 * @typedef {{heading: true, sessions: number, people: number}} HeadingRow
 * @typedef {{heading: false, key: string, site: string, user: number, username: string, name: string, renamed: string, super: boolean,
 *   blocked: boolean, deleted: boolean, you: boolean, own: boolean, mixed: boolean, like: boolean, groups: string[], first: boolean,
 *   sessions: number, ended: boolean, waiting: boolean, client: number, last: number, started: number, requests: number, agent: string,
 *   browser: string, system: string, pseudonym: string}} SessionRow
 */

/** heading stands in a view for the line above the sessions that have ended. */
export const heading = 0xffffffff;

const isEnded = 1, isOwn = 2, isWaiting = 4, isDropped = 8; // flags

/** A Column is a typed array that grows.
 * @template {Uint8Array | Uint32Array | Int32Array | Float64Array} T */
class Column {
  /** @param {new (length: number) => T} type */
  constructor(type) {
    this.type = type;
    this.values = new type(1024);
  }
  /**
   * @param {number} i
   * @param {number} value
   */
  set(i, value) {
    if (i >= this.values.length) {
      const values = new this.type(2 * this.values.length);
      values.set(/** @type {any} */ (this.values));
      this.values = values;
    }
    this.values[i] = value;
  }
}

/** A Part is what a Dataset holds of a site. */
class Part {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    this.user = 0; // who reads
    this.now = 0; // when that was
    this.rows = new Column(Uint32Array); // their places in the Dataset
    this.length = 0;
    /** @type {number[]} */
    this.sent = []; // the numbers of the agents that the feed has given numbers
    /** @type {Map<number | string, number>} */
    this.people = new Map(); // from user id or name
    /** @type {Map<number, number>} */
    this.groups = new Map(); // from ids to numbers
    this.told = false; // whether the feed tells who the users are
  }
}

/** A Dataset holds sessions in columns, and what they have in common once: people, browsers, groups. */
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
  /** @type {Person[]} */
  people = [];
  agents = [{agent: "", browser: "", system: "", search: ""}];
  /** @type {string[]} */
  groups = []; // titles: those of the same title on several sites are one
  /** @type {Set<number>} */
  clients = new Set();
  // What columns hold anything.
  holds = {started: false, requests: false, browser: false};

  /** @type {Part[]} */
  #parts = [];
  /** @type {Map<string, number>} */
  #agents = new Map();
  /** @type {{ranks: Float64Array, order: Uint32Array, places: Uint32Array, language: string} | null} */
  #names = null;
  #dropped = 0; // how many are not there

  /** add adds a site, and returns its number.
   * @param {string} name */
  add(name) {
    return this.#parts.push(new Part(name)) - 1;
  }

  /** held returns how many sessions there are. */
  get held() {
    return this.length - this.#dropped;
  }

  /** begin sets the time that the ages of a site are counted from, and the user who reads it.
   * @param {number} site
   * @param {number} now
   * @param {number} user */
  begin(site, now, user) {
    Object.assign(this.#parts[site], {now, user});
  }

  /** addAgents adds browsers, which rows then have by their number.
   * @param {number} site
   * @param {string[]} agents */
  addAgents(site, agents) {
    this.#parts[site].sent.push(...agents.map((agent) => this.#agent(String(agent))));
  }

  /** @param {string} agent */
  #agent(agent) {
    let number = this.#agents.get(agent);
    if (number === undefined) {
      const {browser, system} = browserOf(agent);
      number = this.agents.push({agent, browser, system, search: fold([browser, system, agent].join("\n"))}) - 1;
      this.#agents.set(agent, number);
    }
    return number;
  }

  /** addRows adds sessions.
   * @param {number} site
   * @param {FeedRow[]} rows */
  addRows(site, rows) {
    const part = this.#parts[site], {now} = part, {holds} = this;
    for (const [pseudonym, flags, client, user, username, name, last, started, requests, agent] of rows) {
      const i = this.length++;
      part.rows.set(part.length++, i);
      this.pseudonym.set(i, parseInt(pseudonym, 16));
      this.flags.set(i, flags);
      this.client.set(i, client);
      this.last.set(i, last === null ? 0 : now - last);
      this.started.set(i, started === null ? 0 : now - started);
      this.requests.set(i, requests);
      const number = typeof agent === "string" ? this.#agent(agent) : agent >= 0 ? part.sent[agent] : 0;
      this.agent.set(i, number);
      this.clients.add(client);
      this.person.set(i, this.#person(site, user, username, name));
      holds.started ||= started !== null;
      holds.requests ||= requests > 0;
      holds.browser ||= number > 0;
    }
  }

  /**
   * @param {number} site
   * @param {number} user
   * @param {string} username
   * @param {string} name
   */
  #person(site, user, username, name) {
    const {people, user: you} = this.#parts[site];
    const key = user || username;
    let n = people.get(key);
    if (n === undefined) {
      n = this.people.push({site, user, username: "", name: "", renamed: "", super: false, blocked: false, exists: false,
        deleted: false, you: user !== 0 && user === you, groups: [], search: "", mixed: false, like: false}) - 1;
      people.set(key, n);
    }
    const person = this.people[n];
    if (username && !person.username || name && !person.name) {
      person.username ||= username;
      person.name ||= name;
      person.search = "";
    }
    return n;
  }

  /** addGroups adds groups by their ids.
   * @param {number} site
   * @param {[id: number, title: string][]} groups */
  addGroups(site, groups) {
    this.#parts[site].told = true;
    for (const [id, title] of groups) {
      let number = this.groups.indexOf(title);
      if (number < 0) {
        number = this.groups.push(title) - 1;
      }
      this.#parts[site].groups.set(id, number);
    }
  }

  /** addUsers adds what the site knows of users, which counts before what sessions say.
   * @param {number} site
   * @param {FeedUser[]} users */
  addUsers(site, users) {
    const {people, groups} = this.#parts[site];
    for (const [id, username, name, flags, memberOf] of users) {
      const person = this.people[people.get(id) ?? -1];
      if (person) {
        person.renamed = person.username && person.username !== username ? person.username : "";
        person.username = username;
        person.name = name;
        person.exists = true;
        person.super = (flags & 1) !== 0;
        person.blocked = (flags & 2) !== 0;
        person.groups = memberOf.map((group) => groups.get(group) ?? -1).filter((group) => group >= 0);
        person.search = "";
      }
    }
    this.#names = null;
  }

  /** setDeleted marks sessions that have ended after all, since their users do not exist any more.
   * @param {number} site
   * @param {number[]} rows */
  setDeleted(site, rows) {
    for (const row of rows) {
      const i = this.#parts[site].rows.values[row];
      this.flags.values[i] |= isEnded;
      this.people[this.person.values[i]].deleted = true;
    }
  }

  /** setWaiting marks the sessions that wait for the second factor.
   * @param {number} site
   * @param {number[]} rows */
  setWaiting(site, rows) {
    for (const row of rows) {
      this.flags.values[this.#parts[site].rows.values[row]] |= isWaiting;
    }
  }

  /** drop takes away what there is of a site: a part is not the whole.
   * @param {number} site */
  drop(site) {
    const part = this.#parts[site];
    for (let row = 0; row < part.length; row++) {
      this.flags.values[part.rows.values[row]] |= isDropped;
    }
    this.#dropped += part.length;
    part.length = 0;
  }

  // #search brings up to date what is searched of people.
  #search() {
    for (const person of this.people) {
      if (person.search === "") {
        person.search = fold([person.username, person.name, person.renamed, person.user || "", this.#parts[person.site].name].join("\n"));
      }
    }
  }

  /** check finds who was deleted, also where all their sessions had ended before, and names that could be taken for
   * another's. Call it when feeds are whole. */
  check() {
    for (const person of this.people) {
      person.deleted ||= person.user !== 0 && this.#parts[person.site].told && !person.exists;
    }
    const isOdd = (/** @type {string} */ text) => /[^\x20-\x7e]/.test(text);
    const odd = this.people.filter(({name, username}) => isOdd(name + username));
    if (odd.length === 0) {
      return;
    }
    const spelling = (/** @type {string} */ text) => text.normalize("NFC").toLowerCase();
    /** @type {Map<string, {person: Person, several: boolean, text: string, various: boolean, names: number}>} */
    const worn = new Map(); // who looks so, spelled how, and in how many names
    for (const person of this.people) {
      for (const text of new Set([person.username, person.name].filter(Boolean))) {
        const key = person.site + "\n" + looks(text), names = Number(text === person.name), look = worn.get(key);
        if (!look) {
          worn.set(key, {person, several: false, text, various: false, names});
          continue;
        }
        look.several ||= look.person !== person;
        look.various ||= look.text !== text && spelling(look.text) !== spelling(text);
        look.names += names;
      }
    }
    for (const person of odd) {
      const {site, name, username} = person;
      person.mixed = mixed(name) || mixed(username);
      person.like = [name, username].filter(isOdd).some((text) => {
        const look = worn.get(site + "\n" + looks(text));
        // The same name, letter by letter, is a namesake, and told by the username.
        return look?.several && (look.various || look.names === 1);
      });
    }
  }

  /**
   * view returns the sessions that a query leaves, in order: first those who are logged in, then what has ended. Those of a
   * person stand together.
   * @param {Query} query
   * @param {Words} called
   * @returns {View}
   */
  view({words, section, application, group, superUsers, column, down}, called) {
    this.#search();
    const n = this.length, count = this.people.length;
    const flags = this.flags.values, clients = this.client.values, people = this.person.values, agents = this.agent.values;
    const folded = this.groups.map(fold), wanted = this.groups.indexOf(group);
    // For each word, in whom and in what it is: then sessions cost a few look-ups each, however many there are.
    const found = words.map(fold).map((word) => {
      const groups = new Set(folded.flatMap((title, number) => title.includes(word) ? [number] : []));
      const supers = called.superUser.includes(word);
      return {
        people: Uint8Array.from(this.people, (person) => Number(person.search.includes(word) || supers && person.super ||
          groups.size > 0 && person.groups.some((group) => groups.has(group)))),
        agents: Uint8Array.from(this.agents, ({search}) => Number(search.includes(word))),
        clients: new Set(Array.from(this.clients).filter((client) => fold(called.applications.get(client) ?? "").includes(word))),
        waiting: called.waiting.includes(word), ended: called.ended.includes(word),
      };
    });
    const members = group || superUsers ? Uint8Array.from(this.people, (person) =>
      Number((!superUsers || person.super) && (!group || person.groups.includes(wanted)))) : null;
    const matches = new Uint8Array(n);
    const counts = [new Uint32Array(count), new Uint32Array(count)]; // by section: of those who are here, of what ended
    const keys = [new Float64Array(count), new Float64Array(count)];
    const key = this.#key(column, called);
    const sessions = [0, 0];
    for (let i = 0; i < n; i++) {
      const ended = flags[i] & isEnded, waiting = flags[i] & isWaiting;
      if (section === "loggedIn" && (ended || waiting) || section === "waiting" && !waiting || section === "ended" && !ended ||
          application !== null && clients[i] !== application || flags[i] & isDropped || members && !members[people[i]]) {
        continue;
      }
      let all = true;
      for (const f of found) {
        if (!(f.people[people[i]] || f.agents[agents[i]] || f.clients.has(clients[i]) || waiting && f.waiting || ended && f.ended)) {
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
    const shown = counts.map((counts) => counts.reduce((sum, c) => sum + Number(c > 0), 0));
    const order = new Uint32Array(sessions[0] + sessions[1] + Number(sessions[1] > 0));
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
      this.#sortPeople(list, keys[part], sign, called.language);
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
  /**
   * @param {Uint32Array} list
   * @param {Float64Array} keys
   * @param {number} sign
   * @param {string} language
   */
  #sortPeople(list, keys, sign, language) {
    const {ranks, order, places} = this.#ranks(language), count = order.length;
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
  /**
   * @param {SortColumn} column
   * @param {Words} called
   * @returns {(i: number) => number}
   */
  #key(column, {language, applications}) {
    switch (column) {
      case "user": {
        const {ranks} = this.#ranks(language);
        return (i) => ranks[this.person.values[i]];
      }
      case "application": {
        const list = [...this.clients], {ranks} = rank(list, (client) => applications.get(client) ?? "", language);
        const places = new Map(list.map((client, i) => [client, ranks[i]]));
        return (i) => places.get(this.client.values[i]) ?? 0;
      }
      case "browser": {
        const {ranks} = rank(this.agents, ({browser, system}) => browser && browser + " " + system, language);
        return (i) => ranks[this.agent.values[i]];
      }
      default: {
        const {values} = this[column];
        return (i) => values[i];
      }
    }
  }

  // #ranks returns the order of people by their names.
  /** @param {string} language */
  #ranks(language) {
    if (this.#names?.ranks.length !== this.people.length || this.#names.language !== language) {
      this.#names = {...rank(this.people, ({name, username}) => name || username, language), language};
    }
    return this.#names;
  }

  /**
   * row returns what is shown in a place of a view.
   * @param {View} view
   * @param {number} place
   * @returns {HeadingRow | SessionRow}
   */
  row({order, counts, sessions, people}, place) {
    const i = order[place];
    if (i === heading) {
      return {heading: true, sessions: sessions[1], people: people[1]};
    }
    const flags = this.flags.values[i], number = this.person.values[i], person = this.people[number];
    const before = place > 0 ? order[place - 1] : heading;
    const pseudonym = Number.isNaN(this.pseudonym.values[i]) ? "" : this.pseudonym.values[i].toString(16).padStart(10, "0");
    const {user, username, name, renamed, blocked, deleted, you, mixed, like} = person;
    return {
      heading: false, key: person.site + " " + pseudonym, site: this.#parts[person.site].name,
      user, username, name, renamed, super: person.super, blocked, deleted, you, own: (flags & isOwn) !== 0, mixed, like,
      groups: person.groups.map((group) => this.groups[group]),
      first: before === heading || this.person.values[before] !== number,
      sessions: counts[flags & isEnded][number],
      ended: (flags & isEnded) !== 0, waiting: (flags & isWaiting) !== 0,
      client: this.client.values[i], last: this.last.values[i], started: this.started.values[i],
      requests: this.requests.values[i], ...this.agents[this.agent.values[i]], pseudonym,
    };
  }
}

/**
 * sortFew sorts a part of a list, which is short as a rule.
 * @param {Uint32Array} list
 * @param {number} from
 * @param {number} to
 * @param {(a: number, b: number) => number} compare
 */
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

/**
 * rank returns the elements of a list in the order of their texts, their places in that, and their ranks: the same text
 * has the same rank. Those without a text come last.
 * @template T
 * @param {T[]} list
 * @param {(element: T) => string} of
 * @param {string} language
 */
function rank(list, of, language) {
  const collator = new Intl.Collator(language, {numeric: true});
  const texts = list.map(of), ranks = new Float64Array(list.length), places = new Uint32Array(list.length);
  const order = Uint32Array.from(list, (_, i) => i)
    .sort((a, b) => Number(texts[a] === "") - Number(texts[b] === "") || collator.compare(texts[a], texts[b]));
  order.forEach((element, place) => {
    ranks[element] = place > 0 && texts[order[place - 1]] === texts[element] ? ranks[order[place - 1]] : place;
    places[element] = place;
  });
  return {order, places, ranks};
}
