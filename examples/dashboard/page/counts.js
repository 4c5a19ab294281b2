// The counts by kind and by application. Each is a button that narrows the table down to what it counts.

import {kinds} from "./sessions.js";

const names = {all: "All sessions", guest: "Guests", user: "Users", administrator: "Administrators"};

// A Counts shows how many sessions there are of each kind and application. It calls changed when one is chosen.
export class Counts {
  kind = "all";
  application = "all";

  constructor(kindsElement, applicationsElement, changed) {
    this.changed = changed;
    this.kindButtons = new Map();
    this.applicationsElement = applicationsElement;
    this.applicationButtons = new Map();
    for (const kind of ["all", ...kinds]) {
      const button = this.button("kind", kind, names[kind]);
      button.classList.add("card", kind);
      this.kindButtons.set(kind, button);
      kindsElement.append(button);
    }
  }

  // button returns a button that chooses value, or all if value is chosen already.
  button(choice, value, name) {
    const button = document.createElement("button");
    button.type = "button";
    for (const [part, text] of [["name", name], ["count", ""], ["share", ""]]) {
      const span = document.createElement("span");
      span.className = part;
      span.textContent = text;
      button.append(span);
    }
    button.addEventListener("click", () => {
      this[choice] = this[choice] === value ? "all" : value;
      this.press();
      this.changed();
    });
    return button;
  }

  // press shows which buttons are chosen.
  press() {
    for (const [value, button] of this.kindButtons) {
      button.setAttribute("aria-pressed", String(this.kind === value));
    }
    for (const [value, button] of this.applicationButtons) {
      button.setAttribute("aria-pressed", String(this.application === value));
    }
  }

  render(sessions) {
    const byKind = new Map([["all", sessions.length], ...kinds.map((kind) => [kind, 0])]);
    const byApplication = new Map([["Site", 0], ["Administrator", 0]]);
    const people = new Set();
    for (const {kind, application, userID} of sessions) {
      byKind.set(kind, byKind.get(kind) + 1);
      byApplication.set(application, (byApplication.get(application) ?? 0) + 1);
      if (kind !== "guest") {
        people.add(userID);
      }
    }
    for (const [kind, count] of byKind) {
      show(this.kindButtons.get(kind), count, kind === "all" ?
        `of ${people.size.toLocaleString("en")} people and ${byKind.get("guest").toLocaleString("en")} guests` :
        percent(count, sessions.length));
    }
    for (const [application, count] of byApplication) {
      if (!this.applicationButtons.has(application)) {
        const button = this.button("application", application, application);
        this.applicationButtons.set(application, button);
        const bar = document.createElement("span");
        bar.className = "bar";
        button.append(bar);
        this.applicationsElement.append(button);
      }
      const button = this.applicationButtons.get(application);
      show(button, count, percent(count, sessions.length));
      button.querySelector(".bar").style.width = `${sessions.length && 100 * count / sessions.length}%`;
    }
    for (const [application, button] of this.applicationButtons) {
      if (!byApplication.has(application)) {
        button.remove();
        this.applicationButtons.delete(application);
        if (this.application === application) {
          this.application = "all";
        }
      }
    }
    this.press();
  }
}

function show(button, count, share) {
  button.querySelector(".count").textContent = count.toLocaleString("en");
  button.querySelector(".share").textContent = share;
}

function percent(part, whole) {
  const share = whole ? 100 * part / whole : 0;
  return share > 0 && share < 1 ? "< 1 %" : `${Math.round(share)} %`;
}
