// What a browser calls itself, in a few words.

import {text} from "./texts.js";

// The order matters: most browsers also call themselves by the names that come later.
const browsers = [
  [/\bEdg(?:e|A|iOS)?\/(\d+)/, "Edge"],
  [/\b(?:OPR|Opera)\/(\d+)/, "Opera"],
  [/\bSamsungBrowser\/(\d+)/, "Samsung Internet"],
  [/\b(?:Firefox|FxiOS)\/(\d+)/, "Firefox"],
  [/\b(?:Chrome|CriOS)\/(\d+)/, "Chrome"],
  [/\bVersion\/(\d+)[\d.]* (?:Mobile\/\w+ )?Safari\//, "Safari"],
];

const systems = [
  [/\b(?:iPhone|iPad|iPod)\b/, "iOS"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

// browserName returns the name, version and system in agent, or agent itself if it is none of those known here.
export function browserName(agent) {
  for (const [pattern, name] of browsers) {
    const match = agent.startsWith("Mozilla/5.0 (") && pattern.exec(agent);
    if (match) {
      const system = systems.find(([pattern]) => pattern.test(agent));
      const browser = `${name} ${match[1]}`;
      return system ? text("on", {browser, system: system[1]}) : browser;
    }
  }
  return agent;
}
