// All that is known of a session and its user, in a dialog.

import {$, button, element, setName} from "./dom.js";
import {badges, browserName, nameOf} from "./row.js";
import {applicationName, number, text} from "./texts.js";
import {age, exact, known} from "./times.js";

/**
 * @typedef {import("./row.js").SessionRow} SessionRow
 * @typedef {{administrator: (site: string) => URL | null, email: (row: SessionRow) => Promise<string>, now: () => number, named: boolean}} Context
 */

/**
 * editAddress returns where Joomla's Administrator shows a user.
 * @param {URL} administrator
 * @param {number} user
 */
export function editAddress(administrator, user) {
  const address = new URL("index.php", administrator.href.replace(/\/?([?#].*)?$/, "/"));
  address.search = new URLSearchParams({option: "com_users", task: "user.edit", id: String(user)}).toString();
  return address.href;
}

/**
 * showDetails opens the dialog.
 * @param {SessionRow} row
 * @param {Context} context
 */
export function showDetails(row, {administrator, email, now, named}) {
  const dialog = $("details"), list = element("dl");
  const say = (/** @type {string} */ label, /** @type {string | Node} */ value) => {
    if (value) {
      const content = element("dd");
      if (typeof value === "string") {
        setName(content.appendChild(element("bdi")), value);
      } else {
        content.append(value);
      }
      list.append(element("dt", "", label), content);
    }
  };
  const time = (/** @type {number} */ seconds) => known(seconds) ? `${exact(seconds * 1000)} (${age(now() - seconds)})` : "";
  say(text("username"), row.username);
  say(text("userID"), row.user ? String(row.user) : "");
  if (row.user && !row.deleted) {
    const asked = button("", text("showEmail"), async () => {
      asked.disabled = true;
      const answer = element("bdi");
      setName(answer, await email(row));
      answer.tabIndex = -1;
      asked.replaceWith(answer);
      answer.focus();
    });
    say(text("email"), asked);
  }
  say(text("groups"), row.groups.join(", "));
  say(text("state"), badges(row).map(([, label]) => label).join(", "));
  say(text("site"), named ? row.site : "");
  say(text("application"), applicationName(row.client));
  say(text("last"), time(row.last));
  say(text("started"), time(row.started));
  say(text("requests"), row.requests ? number(row.requests) : "");
  say(text("browser"), row.system ? browserName(row) : "");
  say(text("userAgent"), row.agent);
  say(text("session"), row.pseudonym);
  const heading = element("h2");
  heading.id = "details-heading";
  setName(heading.appendChild(element("bdi")), nameOf(row));
  const end = element("p", "line");
  const base = administrator(row.site);
  if (base && row.user && !row.deleted) {
    end.append(Object.assign(element("a", "", text("editUser")), {href: editAddress(base, row.user)}));
  }
  const opened = /** @type {HTMLDialogElement} */ (dialog);
  end.append(button("", text("close"), () => opened.close()));
  dialog.replaceChildren(heading, list, end);
  opened.showModal();
}
