// The worker, as the page talks to it.

/**
 * @typedef {import("./worker.js").Question} Question
 * @typedef {import("./worker.js").Answer} Answer
 * @typedef {Extract<Answer, {type: "slice"}>} SliceAnswer
 * @typedef {Extract<Answer, {type: "saved"}>} SavedAnswer
 * @typedef {Exclude<Answer, SliceAnswer | SavedAnswer>} News what it tells unasked
 */

/** A Service is the worker. */
export class Service {
  /** @type {Map<number, (answer: any) => void>} */
  #asked = new Map();
  #count = 0;

  /**
   * @param {(news: News) => void} tell
   * @param {() => void} fail
   */
  constructor(tell, fail) {
    const address = new URL("worker.js", import.meta.url);
    /** @type {any} */
    const policies = /** @type {any} */ (globalThis).trustedTypes;
    const policy = policies?.createPolicy("worker", {createScriptURL: () => address.href});
    this.worker = new Worker(policy ? policy.createScriptURL("") : address, {type: "module"});
    this.worker.addEventListener("error", fail);
    this.worker.addEventListener("message", (/** @type {MessageEvent<Answer>} */ {data}) => {
      if (data.type === "slice" || data.type === "saved") {
        this.#asked.get(data.id)?.(data);
        this.#asked.delete(data.id);
      } else {
        tell(data);
      }
    });
  }

  /** send tells the worker something.
   * @param {Question} question */
  send(question) {
    this.worker.postMessage(question);
  }

  /**
   * @param {(id: number) => Question} question
   * @returns {Promise<any>}
   */
  #ask(question) {
    const id = ++this.#count;
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.send(question(id));
    });
  }

  /** slice promises rows of the view.
   * @param {number} first
   * @param {number} count
   * @returns {Promise<SliceAnswer>} */
  slice(first, count) {
    return this.#ask((id) => ({type: "slice", id, first, count}));
  }

  /** save promises the view as comma-separated values.
   * @param {string[]} heads
   * @param {Record<string, string>} texts
   * @returns {Promise<SavedAnswer>} */
  save(heads, texts) {
    return this.#ask((id) => ({type: "save", id, heads, texts}));
  }
}
