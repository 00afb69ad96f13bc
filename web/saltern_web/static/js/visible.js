// Text from minions as text that steers nothing, as saltern.visible does: what hides or reorders appears as an escape.

const HIDDEN = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u180e\\u200b\\u2060-\\u2064\\ufeff\\ufff9-\\ufffb"
  + "\\u{e0000}-\\u{e007f}\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u206f\\u2028\\u2029\\ud800-\\udfff]", "gu");

function escape(character) {
  const code = character.codePointAt(0);
  if (character === "\r") return "\\r";
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}

export function visible(text, lines = false) {
  const safe = String(text).replace(HIDDEN, escape);
  return lines ? safe : safe.replaceAll("\n", "\\n");
}
