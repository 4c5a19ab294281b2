// The plot of last activity: how many sessions were last active how long ago, by kind.

import {duration} from "./durations.js";
import {kinds} from "./sessions.js";

const names = {guest: "guests", user: "users", administrator: "administrators"};
const count = 30; // of bars
const steps = [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 604800, 2592000, 31536000];
const height = 180, top = 8, bottom = 22, left = 34;

// A Plot draws into an element, as wide as that is, and fills the body of a table with the same figures.
export class Plot {
  constructor(element, tableBody) {
    this.element = element;
    this.tableBody = tableBody;
    this.width = 0;
    new ResizeObserver(() => {
      if (this.histogram && this.element.clientWidth !== this.width) {
        this.draw();
      }
    }).observe(element);
  }

  render(sessions, now) {
    this.histogram = histogram(sessions, now);
    this.draw();
    this.tableBody.replaceChildren(...this.histogram.bars.filter(({total}) => total > 0).map((bar) => {
      const row = document.createElement("tr");
      row.append(element("th", bar.when), ...kinds.map((kind) => element("td", String(bar[kind]))));
      row.firstChild.scope = "row";
      return row;
    }));
  }

  draw() {
    const {bars, step, summary} = this.histogram;
    this.width = this.element.clientWidth;
    const plotWidth = Math.max(this.width - left, 1), plotHeight = height - top - bottom;
    const most = Math.max(...bars.map(({total}) => total), 1);
    const tick = niceTick(most);
    const scale = plotHeight / (Math.ceil(most / tick) * tick);
    const svg = svgElement("svg", {
      role: "img", "aria-label": summary, width: this.width, height, viewBox: `0 0 ${this.width} ${height}`,
    });
    for (let value = 0; value * scale <= plotHeight + 0.5; value += tick) {
      const y = Math.round(top + plotHeight - value * scale) + 0.5;
      svg.append(svgElement("line", {class: "grid", x1: left, x2: this.width, y1: y, y2: y}));
      svg.append(svgElement("text", {x: left - 8, y: y + 4, "text-anchor": "end"}, value.toLocaleString("en")));
    }
    const barWidth = plotWidth / count;
    bars.forEach((bar, i) => {
      const x = left + plotWidth - (i + 1) * barWidth;
      const group = svgElement("g", {});
      group.append(svgElement("title", {}, bar.title));
      group.append(svgElement("rect", {class: "hover", x, y: top, width: barWidth, height: plotHeight}));
      let y = top + plotHeight;
      for (const kind of kinds) {
        const size = bar[kind] * scale;
        y -= size;
        if (size > 0) {
          group.append(svgElement("rect", {
            class: kind, x: x + barWidth * 0.12, y, width: barWidth * 0.76, height: size,
          }));
        }
      }
      svg.append(group);
    });
    const every = plotWidth < 480 ? 15 : 10; // Labels must not run into each other.
    for (let i = 0; i <= count; i += every) {
      const anchor = i === 0 ? "end" : i === count ? "start" : "middle";
      svg.append(svgElement("text", {
        x: left + plotWidth - i * barWidth, y: height - 5, "text-anchor": anchor,
      }, i === 0 ? "now" : duration(i * step) + " ago"));
    }
    this.element.replaceChildren(svg);
  }
}

// histogram sorts sessions by the time since they were last active, in steps short enough for nearly all of them to
// fill the plot. A few very old ones must not squeeze the rest into one bar.
function histogram(sessions, now) {
  const known = sessions.filter(({time}) => time > 0);
  const ages = Float64Array.from(known, ({time}) => Math.max(now - time, 0)).sort();
  const reach = ages.length ? ages[Math.floor((ages.length - 1) * 0.97)] : 0;
  const step = steps.find((step) => step * count > reach) ?? steps.at(-1);
  const bars = Array.from({length: count}, () => ({guest: 0, user: 0, administrator: 0, total: 0}));
  let older = 0;
  for (const {time, kind} of known) {
    const bar = bars[Math.floor(Math.max(now - time, 0) / step)];
    if (bar) {
      bar[kind]++;
      bar.total++;
    } else {
      older++;
    }
  }
  bars.forEach((bar, i) => {
    bar.when = `${i ? duration(i * step) : "0"} to ${duration((i + 1) * step)} ago`;
    const parts = kinds.filter((kind) => bar[kind] > 0).map((kind) => `${bar[kind]} ${names[kind]}`);
    bar.title = `${bar.when}: ${parts.join(", ") || "none"}`;
  });
  const highest = bars.reduce((a, b) => b.total > a.total ? b : a);
  const summary = `Sessions by last activity, in steps of ${duration(step)}. ` +
    (highest.total ? `Most were last active ${highest.title}. ` : "There are none. ") +
    (older ? `${older} older ones are not shown. ` : "") +
    (known.length < sessions.length ? `${sessions.length - known.length} without a time are not shown.` : "");
  return {bars, step, summary: summary.trim()};
}

// niceTick returns a round distance that divides the range up to most into at most five.
function niceTick(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most / 5, 1)));
  return [1, 2, 5, 10].map((n) => n * power).find((tick) => tick * 5 >= most);
}

function element(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

function svgElement(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) {
    element.setAttribute(attribute, value);
  }
  if (text !== undefined) {
    element.textContent = text;
  }
  return element;
}
