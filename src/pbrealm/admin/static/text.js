// Texts and figures as people read them.

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Zs}]/gu;
const LONGEST = 200;
const NUMBERS = new Intl.NumberFormat("en");
const UNITS = ["kB", "MB", "GB", "TB", "PB"];

// A text of a client on one line: what isn't printable, or turns the direction of what follows,
// is escaped as in the log.
export function visible(text) {
  return String(text).replace(UNPRINTABLE, (each) => (each === " " ? each : escaped(each)));
}

// An avatar id, cut as in the log: it may be of any length.
export function shortened(text) {
  const characters = [...text];
  const cut = [...visible(characters.slice(0, LONGEST).join(""))].slice(0, LONGEST).join("");
  return characters.length > LONGEST ? `${cut}…` : cut;
}

function escaped(character) {
  const short = { "\t": "\\t", "\n": "\\n", "\r": "\\r" }[character];
  if (short) return short;
  const code = character.codePointAt(0);
  if (code <= 0xff) return `\\x${hexadecimal(code, 2)}`;
  return code <= 0xffff ? `\\u${hexadecimal(code, 4)}` : `\\U${hexadecimal(code, 8)}`;
}

function hexadecimal(code, digits) {
  return code.toString(16).padStart(digits, "0");
}

export function count(number) {
  return NUMBERS.format(number);
}

export function counted(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

export function bytes(number) {
  if (number < 1000) return `${number} B`;
  let unit = -1;
  while (number >= 999.5 && unit < UNITS.length - 1) {
    number /= 1000;
    unit += 1;
  }
  return `${number < 10 ? number.toFixed(1) : Math.round(number)} ${UNITS[unit]}`;
}

export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24];
  const minutes = Math.floor(whole / 60) % 60;
  if (days) return `${count(days)} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  if (minutes) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}

// A moment in the reader's time zone, in digits, so that all are equally wide.
export function moment(when) {
  const two = (number) => String(number).padStart(2, "0");
  const day = [when.getFullYear(), two(when.getMonth() + 1), two(when.getDate())].join("-");
  return `${day} ${[when.getHours(), when.getMinutes(), when.getSeconds()].map(two).join(":")}`;
}

export function sentence(text) {
  const plain = visible(text).trim() || "something went wrong";
  const end = /[.!?…]$/.test(plain) ? "" : ".";
  return plain[0].toUpperCase() + plain.slice(1) + end;
}
