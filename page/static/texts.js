// All texts of the page, by language. To translate the page, add a language with
// the same names; {name} stands for a value, and where a text depends on a number,
// each form has the name that Intl.PluralRules gives it.

const languages = {
  en: {
    title: "Who is logged in",
    skip: "Skip to the sessions",
    site: "Site",
    allSites: "All sites",
    refreshEvery: "Refresh every",
    never: "never",
    seconds15: "15 s",
    minute1: "1 min",
    minutes5: "5 min",
    refresh: "Refresh now",
    print: "Print",
    administrator: "Log users out in Joomla",
    token: "API token of a Super Admin",
    useToken: "Use this token",
    tokenHint: "Joomla shows it in the user’s profile; a token of the cAPI extension is good, too. This page keeps it " +
      "in memory until it is closed or reloaded, and sends it to nobody but its own server.",
    figures: "Figures",
    sites: "By site",
    people: "People and their sessions",
    filter: "Filter",
    filterHint: "name, user id, application, browser",
    applications: "By application",
    activity: "By last activity",

    loggedIn: "Logged in",
    loggedInDetail: {one: "person, in {sessions}", other: "people, in {sessions}"},
    waiting: "Waiting for the second factor",
    waitingDetail: "password entered, code not yet",
    waitingUnknown: "…",
    ended: "Ended",
    endedDetail: "{people} of people, {guests} of guests; not cleaned up yet",
    guests: "Guests",
    guestsDetail: "counted, not listed",
    sessions: {one: "{n} session", other: "{n} sessions"},
    persons: {one: "{n} person", other: "{n} people"},
    sum: "{loggedIn} logged in + {waiting} waiting + {guests} of guests + {ended} ended = {total}",
    sumCounting: "{total} so far; counting",
    showOnly: "Show only these",
    showAll: "Show all again",

    application: "Application",
    applicationSite: "Site",
    applicationAdministrator: "Administrator",
    applicationInstallation: "Installation",
    applicationAPI: "API",
    applicationCLI: "CLI",
    applicationShared: "Shared",
    applicationOther: "Others",
    applicationNumber: "Application {n}",
    total: "Total",
    ofPeople: "People",
    ofGuests: "Guests",
    ofEnded: "Ended",
    lastActive: "Last active",
    within: "within {duration}",
    older: "before that",
    noTime: "not known",

    user: "User",
    last: "Last activity",
    started: "Started",
    requests: "Requests",
    browser: "Browser",
    session: "Session",
    userNumber: "User {n}",
    nobody: "no name",
    several: {one: "{n} session", other: "{n} sessions"},
    badgeWaiting: "waiting for the second factor",
    badgeEnded: "ended",
    endedHeading: "Ended: {sessions} of {persons}",
    unknown: "–",

    shown: "Shown: {persons} in {sessions}",
    shownEnded: ", and {sessions} that ended",
    noneMatch: "No session matches.",
    noneAtAll: "Nobody is logged in.",
    printedPart: "The first {n} of {total}.",

    reading: "Reading… {n}",
    loading: "Loading…",
    updated: "As of {time}",
    refused: "Access refused",
    noAnswer: "No answer",
    stillShown: "What you see is from {time}.",
    tryingAgain: "Trying again.",
    // Reasons are those of the service, in English; reason_… translates them.
    unauthenticatedToken: "The server does not accept this token.",
    unauthenticated: "You are not logged in to Joomla as a Super Admin, under this host. Log in there, or use a token.",
    forbidden: "Only Super Admins may see who is logged in.",
    forbiddenReason: "Only Super Admins may see who is logged in. The server says: {reason}.",
    "reason_second factor is pending": "your second factor is still pending",
    "reason_no core.admin": "this user is no Super Admin",
    busy: "The server is sending too many lists already.",
    failed: "The server has failed (status {status}).",
    brokeOff: "The server broke off in the middle of the list.",
    unreachable: "The server cannot be reached.",
    notAFeed: "The server sent something else than its list.",

    on: "{browser} on {system}",
    ago: "{duration} ago",
    now: "now",
    duration_s: "{n} s",
    duration_min: "{n} min",
    duration_h: "{n} h",
    duration_d: "{n} d",
  },
};

// language is the first of the user's languages that there are texts in.
export const language = (navigator.languages ?? []).map((tag) => tag.split("-")[0]).find((tag) => Object.hasOwn(languages, tag)) ?? "en";
const texts = languages[language];
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);

const dates = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium"});

// date returns a time as the user's system writes it.
export const date = (time) => dates.format(time);

// number returns n as it is written.
export const number = (n) => numbers.format(n);

// has reports whether there is a text of that name.
export const has = (name) => Object.hasOwn(texts, name);

// text returns a text with its values. Numbers are written as in the language; the
// form depends on n.
export function text(name, values = {}) {
  let form = texts[name];
  if (typeof form === "object") {
    form = form[plurals.select(values.n)] ?? form.other;
  }
  return form.replaceAll(/\{(\w+)\}/g, (_, key) => typeof values[key] === "number" ? number(values[key]) : values[key]);
}

const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

// duration returns a number of seconds in its largest unit.
export function duration(seconds) {
  const [unit, length] = units.find(([, length]) => seconds >= length) ?? units.at(-1);
  return text("duration_" + unit, {n: Math.floor(seconds / length)});
}

// ago returns how long ago a time was.
export const ago = (seconds) => seconds < 1 ? text("now") : text("ago", {duration: duration(seconds)});

const applications = new Map([[0, "Site"], [1, "Administrator"], [2, "Installation"], [3, "API"], [4, "CLI"], [-1, "Shared"], [-2, "Other"]]);

// applicationName returns the name of an application by its number.
export const applicationName = (client) =>
  applications.has(client) ? text("application" + applications.get(client)) : text("applicationNumber", {n: client});
