// Elements of the page, made from data: text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element. Properties whose name begins with "on" are listeners, `dataset` is an object, `class` is the class;
 * a property of the element is set as one (`value`, `checked`, `hidden`), anything else as an attribute.
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) setProperty(element, name, value);
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

function setProperty(element, name, value) {
  if (value === undefined || value === null) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "dataset") Object.assign(element.dataset, value);
  else if (name === "class") element.className = value;
  else if (name in element && !name.startsWith("aria") && name !== "role" && name !== "list") element[name] = value;
  else if (value !== false) element.setAttribute(name, value === true ? "" : value);
}

/** Put other children into an element. */
export function fill(element, ...children) {
  element.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

// 20 x 20, drawn with a stroke of the text's colour
const ICONS = {
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  close: "M5 5l10 10M15 5L5 15",
  check: "M4 10.5l4 4 8-9",
  undo: "M8 4 4 8l4 4M4 8h7a5 5 0 0 1 0 10H8",
  redo: "M12 4l4 4-4 4M16 8H9a5 5 0 0 0 0 10h3",
  layers: "M10 3 2.5 7 10 11l7.5-4ZM3 11l7 3.7 7-3.7M3 14.3 10 18l7-3.7",
  search: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12ZM13.5 13.5 17.5 17.5",
  menu: "M3 5h14M3 10h14M3 15h14",
  person: "M10 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM3.5 17.5c.8-3.2 3.4-5 6.5-5s5.7 1.8 6.5 5",
  copy: "M7 7h9v10H7ZM4 13V3h9",
  pencil: "M4 16l.8-3.5L13.5 3.8l2.7 2.7-8.7 8.7Z",
  trash: "M4 6h12M8 6V3.5h4V6M5.5 6l.8 11h7.4l.8-11M8.5 9v5M11.5 9v5",
  upload: "M10 13V3.5M6 7l4-4 4 4M3.5 13v3.5h13V13",
  download: "M10 3.5V13M6 9.5l4 4 4-4M3.5 13v3.5h13V13",
  play: "M6 4l10 6-10 6Z",
  stop: "M5.5 5.5h9v9h-9Z",
  camera: "M3 6.5h9.5v7H3ZM12.5 9l4.5-2.5v7L12.5 11",
  polygon: "M5 4l11 2-2 10-9-2Z",
  point: "M10 17.5c3.5-4 5-6.5 5-9a5 5 0 0 0-10 0c0 2.5 1.5 5 5 9ZM10 10a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4Z",
  compare: "M10 3v14M3 5h4.5v10H3M17 5h-4.5v10H17",
  link: "M8.5 11.5l3-3M9 6l1.5-1.5a3.5 3.5 0 0 1 5 5L14 11M11 14l-1.5 1.5a3.5 3.5 0 0 1-5-5L6 9",
  home: "M3.5 9.5 10 4l6.5 5.5M5.5 8.5v8h9v-8",
  warning: "M10 3.5 18 17H2ZM10 8.5v4M10 14.5v.5",
  info: "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM10 9v5M10 6v.5",
  down: "M5 8l5 5 5-5",
  up: "M5 12l5-5 5 5",
  right: "M8 5l5 5-5 5",
  left: "M12 5l-5 5 5 5",
  clock: "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM10 5.5V10l3 2",
  eye: "M2 10c2-4 5-6 8-6s6 2 8 6c-2 4-5 6-8 6S4 14 2 10ZM10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  print: "M6 7V3h8v4M6 14H3V7h14v7h-3M6 11.5h8V17H6Z",
  filter: "M3 4h14l-5.5 6.5V16l-3-1.5v-4Z",
  refresh: "M16 10a6 6 0 1 1-2-4.5M14 2.5v3.5h-3.5",
  globe: "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM2.5 10h15M10 2.5c4.5 5 4.5 10 0 15-4.5-5-4.5-10 0-15",
};

/** Make a picture from the list above; it says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

let count = 0;

/** Return a new id for an element that another one refers to. */
export function nameId(stem = "id") {
  count += 1;
  return `${stem}-${count}`;
}

/** Tell whether a key press belongs to a field that text is typed into. */
export function isTyping(event) {
  const target = event.target;
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** Return a function that runs the given one once, `wait_ms` after its last call. */
export function settle(run, wait_ms) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...given), wait_ms);
  };
}
