// The tokens of this tab: one for all sites, and those of single ones. They are kept in memory and, if their user wishes,
// in the session storage, which ends with the tab.

/** Tokens are those of a tab. */
export class Tokens {
  /** @type {Map<string, string>} */
  #tokens = new Map(); // by site; "" is for all that have none of their own
  #storage;
  #key;

  /**
   * @param {Storage} storage
   * @param {string} path of the page: another one has tokens of its own
   */
  constructor(storage, path) {
    this.#storage = storage;
    this.#key = "capi.tokens " + path;
    try {
      const kept = JSON.parse(storage.getItem(this.#key) ?? "[]");
      this.#tokens = new Map(kept.filter((/** @type {unknown[]} */ pair) => pair.every((text) => typeof text === "string")));
    } catch {
      storage.removeItem(this.#key); // Somebody else's.
    }
    this.kept = this.#tokens.size > 0;
  }

  /** take takes the token that a program has put behind the # of the address, which browsers do not send. It returns that
   * address without it, or null if there was none.
   * @param {Location} location */
  take(location) {
    const taken = new URLSearchParams(location.hash.slice(1)).get("token");
    if (taken === null) {
      return null;
    }
    this.set("", taken);
    return location.pathname + location.search;
  }

  /** of returns the token for a site; it is empty where a cookie has to do.
   * @param {string} site */
  of(site) {
    return this.#tokens.get(site) ?? this.#tokens.get("") ?? "";
  }

  /** any reports whether there are tokens. */
  get any() {
    return this.#tokens.size > 0;
  }

  /** set sets the token of a site, or with "" that of all.
   * @param {string} site
   * @param {string} token */
  set(site, token) {
    if (token) {
      this.#tokens.set(site, token);
    } else {
      this.#tokens.delete(site);
    }
    this.#store();
  }

  /** keep says whether tokens outlive a reload.
   * @param {boolean} kept */
  keep(kept) {
    this.kept = kept;
    this.#store();
  }

  /** forget forgets all. */
  forget() {
    this.#tokens.clear();
    this.kept = false;
    this.#store();
  }

  #store() {
    if (this.kept && this.any) {
      this.#storage.setItem(this.#key, JSON.stringify([...this.#tokens]));
    } else {
      this.#storage.removeItem(this.#key);
    }
  }
}
