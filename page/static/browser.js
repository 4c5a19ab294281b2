// What a browser calls itself, in a few words.

// The order matters: most browsers also call themselves by the names that come later.
/** @type {[RegExp, string][]} */
const browsers = [
  [/\bEdg(?:e|A|iOS)?\/(\d+)/, "Edge"],
  [/\b(?:OPR|Opera)\/(\d+)/, "Opera"],
  [/\bSamsungBrowser\/(\d+)/, "Samsung Internet"],
  [/\b(?:Firefox|FxiOS)\/(\d+)/, "Firefox"],
  [/\b(?:Chrome|CriOS)\/(\d+)/, "Chrome"],
  [/\bVersion\/(\d+)[\d.]* (?:Mobile\/\w+ )?Safari\//, "Safari"],
];

/** @type {[RegExp, string][]} */
const systems = [
  [/\b(?:iPhone|iPad|iPod)\b/, "iOS"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

/**
 * browserOf returns the name with its version and the system in a user agent, or the user agent itself if it is none of
 * those known here.
 * @param {string} agent
 * @returns {{browser: string, system: string}}
 */
export function browserOf(agent) {
  for (const [pattern, name] of browsers) {
    const match = agent.startsWith("Mozilla/5.0 (") && pattern.exec(agent);
    if (match) {
      return {browser: `${name} ${match[1]}`, system: systems.find(([pattern]) => pattern.test(agent))?.[1] ?? ""};
    }
  }
  return {browser: agent, system: ""};
}
