// Elements of the page.  Text only ever becomes text.

const SVG = "http://www.w3.org/2000/svg";

export function byId(id) {
  return document.getElementById(id);
}

export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Text that clients chose, which may be written from right to left.
export function isolated(text) {
  return element("bdi", {}, text);
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Call a function soon, however often it is asked for, and not while the page is hidden.
export function throttled(call, milliseconds) {
  let asked = false;
  let last = -Infinity;
  const run = () => {
    asked = false;
    last = performance.now();
    call();
  };
  return () => {
    if (asked) return;
    asked = true;
    const wait = Math.max(0, last + milliseconds - performance.now());
    setTimeout(() => requestAnimationFrame(run), wait);
  };
}
