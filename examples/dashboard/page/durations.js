// Durations in words.

const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

// duration returns seconds in words, in the largest unit and, if that leaves something, the one below: "1 h 40 min".
export function duration(seconds) {
  const i = Math.max(units.findIndex(([size]) => seconds >= size), 0);
  const parts = [];
  for (const [size, unit] of units.slice(seconds >= 1 ? i : -1).slice(0, 2)) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0) {
      parts.push(`${count.toLocaleString("en")} ${unit}`);
    }
  }
  return parts.join(" ") || "0 s";
}

// ago returns how long ago something was. Seconds matter only for what has just happened.
export function ago(seconds) {
  return duration(seconds < 60 ? Math.max(seconds, 0) : Math.floor(seconds / 60) * 60) + " ago";
}
